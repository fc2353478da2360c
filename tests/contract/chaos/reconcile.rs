//! The proof: each caller's verdict against the journal and against what is there. [`assert_falls`] shows that it can fail.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use qc_api::Effect;
use qc_sim::{Entry, Fault};

/// What the caller of a create was told.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Verdict {
    /// It is there, under this id if the answer names one.
    Made(Option<String>),
    /// It is not there.
    Refused,
    /// Unknown; the ids a look at the listing found, where there is a listing.
    Maybe(Option<Vec<String>>),
}

/// One create: what was asked, what was said, and which part of the journal it wrote.
#[derive(Debug, Clone)]
pub(super) struct Attempt {
    pub(super) path: &'static str,
    /// Tells its result apart from all others in a listing.
    pub(super) marker: String,
    pub(super) verdict: Verdict,
    pub(super) sent: Range<usize>,
}

/// A thing that is there at the end.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Thing {
    pub(super) path: &'static str,
    pub(super) marker: String,
    pub(super) id: String,
}

/// The run as it is judged.
#[derive(Debug, Clone, Default)]
pub(super) struct Record {
    pub(super) attempts: Vec<Attempt>,
    pub(super) journal: Vec<Entry>,
    pub(super) things: Vec<Thing>,
    /// Paths whose things are listed in `things`.
    pub(super) listed: BTreeSet<&'static str>,
}

/// What the proof counted.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Figures {
    pub(super) made: usize,
    pub(super) refused: usize,
    pub(super) maybe: usize,
    /// Doubtful ones that had been carried out.
    pub(super) maybe_done: usize,
    /// Creates that a proxy carried out twice, which the journal says and no client can prevent.
    pub(super) repeated_by_proxy: usize,
}

/// Compares each caller's verdict with the journal and with what is there. Gives every contradiction.
pub(super) fn reconcile(record: &Record) -> Result<Figures, Vec<String>> {
    let mut figures = Figures::default();
    let mut wrong = Vec::new();
    let mut done_by_marker: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    let mut ids_by_marker: BTreeMap<(&str, &str), BTreeSet<&str>> = BTreeMap::new();
    let mut creates = 0;
    for attempt in &record.attempts {
        let Attempt { path, marker, verdict, sent } = attempt;
        let mine: Vec<&Entry> =
            record.journal.get(sent.clone()).unwrap_or_default().iter().filter(|entry| entry.path == *path).collect();
        creates += mine.len();
        let done: usize = mine.iter().map(|entry| entry.done).sum();
        let repeated = mine.iter().any(|entry| entry.fault == Some(Fault::Duplicate.name()));
        *done_by_marker.entry((path, marker)).or_default() += done;
        let key = (*path, marker.as_str());
        if 1 < mine.iter().filter(|entry| entry.reached).count() {
            wrong.push(format!("doubled: {path} {marker:?} reached the service more than once"));
        }
        let before_last = mine.split_last().map_or(&[][..], |(_, before)| before);
        let unsigned = Fault::Unauthorized.name();
        if before_last.iter().any(|entry| entry.is_authenticated() && entry.fault != Some(unsigned)) {
            wrong.push(format!("doubled: {path} {marker:?} was sent again after more than a refused signature"));
        }
        figures.repeated_by_proxy += usize::from(repeated && 1 < done);
        match verdict {
            Verdict::Made(id) => {
                figures.made += 1;
                if done == 0 {
                    wrong.push(format!("misreported: {path} {marker:?} is said to be made, nothing was"));
                }
                ids_by_marker.entry(key).or_default().extend(id.as_deref());
            }
            Verdict::Refused => {
                figures.refused += 1;
                // The second answer of a repeated request may be a refusal; no client can know of the first.
                if 0 < done && !repeated {
                    wrong.push(format!("misreported: {path} {marker:?} is said to be refused, it was made"));
                }
            }
            Verdict::Maybe(found) => {
                figures.maybe += 1;
                figures.maybe_done += usize::from(0 < done);
                if let Some(found) = found {
                    if found.len() != done {
                        wrong.push(format!("misreported: {path} {marker:?} was made {done} times, found {found:?}"));
                    }
                    ids_by_marker.entry(key).or_default().extend(found.iter().map(String::as_str));
                }
            }
        }
    }
    let in_journal = record.journal.iter().filter(|entry| entry.effect == Some(Effect::Create)).count();
    if in_journal != creates {
        wrong.push(format!("doubled: the journal has {in_journal} creates, the callers know of {creates}"));
    }
    let removed: BTreeSet<String> = record.journal.iter().filter(|entry| 0 < entry.done).filter_map(deleted).collect();
    for (key, done) in &done_by_marker {
        if !record.listed.contains(key.0) {
            continue;
        }
        let there: BTreeSet<&str> = record
            .things
            .iter()
            .filter(|thing| (thing.path, thing.marker.as_str()) == *key)
            .map(|thing| thing.id.as_str())
            .collect();
        let known = ids_by_marker.get(key);
        let gone = known.map_or(0, |ids| ids.iter().filter(|id| removed.contains(**id)).count());
        if there.len() + gone != *done {
            let (path, marker) = key;
            let kind = if there.len() + gone < *done { "lost" } else { "doubled" };
            wrong.push(format!("{kind}: {path} {marker:?} was made {done} times, {} are there", there.len() + gone));
        }
        for id in known.into_iter().flatten() {
            if !there.contains(id) && !removed.contains(*id) {
                wrong.push(format!("lost: {} {:?} was said to be {id}, which is not there", key.0, key.1));
            }
        }
    }
    if wrong.is_empty() { Ok(figures) } else { Err(wrong) }
}

/// The id of what an entry deleted.
fn deleted(entry: &Entry) -> Option<String> {
    let field = |name: &str| Some(entry.body.get(name)?.as_str()?.to_owned());
    match entry.path.as_str() {
        "backtests/delete" => field("backtestId"),
        "optimizations/delete" => field("optimizationId"),
        "files/delete" => Some(format!("{}/{}", entry.body.get("projectId")?, field("name")?)),
        _ => None,
    }
}

/// Each way of breaking a good record is noticed, by the right word.
pub(super) fn assert_falls(good: &Record) {
    let mut doctored: Vec<(&str, Record)> = Vec::new();
    let find = |wanted: fn(&Verdict) -> bool| {
        let fits = |attempt: &&Attempt| wanted(&attempt.verdict) && good.listed.contains(attempt.path);
        good.attempts.iter().position(|attempt| fits(&attempt)).unwrap()
    };
    let made = find(|verdict| matches!(verdict, Verdict::Made(Some(_))));

    // The client sends a create again: its entry stands twice in the journal.
    let mut again = good.clone();
    let at = again.attempts[made].sent.start;
    let entry = again.journal[at].clone();
    again.journal.insert(at, entry);
    for attempt in &mut again.attempts {
        if at < attempt.sent.start {
            attempt.sent = attempt.sent.start + 1..attempt.sent.end + 1;
        }
    }
    again.attempts[made].sent.end += 1;
    doctored.push(("doubled", again));

    // A create nobody asked for.
    let mut stray = good.clone();
    let entry = stray.journal[at].clone();
    stray.journal.push(entry);
    doctored.push(("doubled", stray));

    // What was made is gone, or is there twice.
    let Verdict::Made(Some(id)) = good.attempts[made].verdict.clone() else { unreachable!() };
    let mut lost = good.clone();
    lost.things.retain(|thing| thing.id != id);
    doctored.push(("lost", lost));
    let mut twice = good.clone();
    let thing = twice.things.iter().find(|thing| thing.id == id).unwrap().clone();
    twice.things.push(Thing { id: "another".into(), ..thing });
    doctored.push(("doubled", twice));

    // Verdicts that are not true.
    let mut denied = good.clone();
    denied.attempts[made].verdict = Verdict::Refused;
    doctored.push(("misreported", denied));
    let mut claimed = good.clone();
    claimed.attempts[find(|verdict| *verdict == Verdict::Refused)].verdict = Verdict::Made(None);
    doctored.push(("misreported", claimed));
    let mut blind = good.clone();
    let seen = find(|verdict| matches!(verdict, Verdict::Maybe(Some(found)) if !found.is_empty()));
    blind.attempts[seen].verdict = Verdict::Maybe(Some(Vec::new()));
    doctored.push(("misreported", blind));

    for (word, record) in doctored {
        let wrong = reconcile(&record).unwrap_err();
        assert!(wrong.iter().any(|sentence| sentence.starts_with(word)), "{word}: {wrong:?}");
    }
}
