//! From the names a caller gives to a question: every name is looked up on the pool, because funds, lists, files and
//! map files are read for it.

use std::collections::{HashMap, HashSet};

use qc_data::{SymbolQuery, Window};

use super::Study;
use crate::{
    error::{Kind, ToolError, Topic},
    own,
    prices::Question,
    symbols::{self, Lookup, Symbols},
};

impl Study<'_> {
    /// What to read: symbols as given, window as given, the rest from the shared arguments.
    ///
    /// # Errors
    /// Symbols or dates that are none, or given twice or the wrong way round.
    pub(crate) async fn question(&self, symbols: &[String], window: Window) -> Result<Question, ToolError> {
        let Symbols { names, meant, grouped, notes, warnings, .. } = self.symbols(symbols).await?;
        Ok(Question {
            symbols: names,
            meant,
            grouped,
            notes,
            warnings,
            own: Vec::new(),
            window,
            bars: self.shared.bars()?,
            normalization: self.shared.normalization_asked()?,
            missing: self.shared.missing()?,
        })
    }

    /// A question without symbols, for [`Study::include`].
    ///
    /// # Errors
    /// Shared arguments that are none.
    pub(crate) fn empty(&self, window: Window) -> Result<Question, ToolError> {
        Ok(Question {
            symbols: Vec::new(),
            meant: HashMap::new(),
            grouped: HashSet::new(),
            notes: Vec::new(),
            warnings: Vec::new(),
            own: Vec::new(),
            window,
            bars: self.shared.bars()?,
            normalization: self.shared.normalization_asked()?,
            missing: self.shared.missing()?,
        })
    }

    /// Puts what one text means into a question, a symbol or a series of the caller's own, and answers its name there.
    ///
    /// # Errors
    /// As [`Study::also`] and [`own::read`].
    pub(crate) async fn include(
        &self,
        question: &mut Question,
        argument: &str,
        text: &str,
    ) -> Result<String, ToolError> {
        if !own::is_one(text) {
            let name = self.also(question, argument, Some(text)).await?;
            return name.ok_or_else(|| wrong(format!("{argument} is empty; a symbol or a series was needed")));
        }
        let mut series = own::read(self.desk, self.ctx, text).await?;
        if let Some(known) =
            question.own.iter().find(|known| known.origin == series.origin && known.values == series.values)
        {
            return Ok(known.name.clone());
        }
        let is_taken = |name: &str| {
            question.symbols.iter().any(|known| known.eq_ignore_ascii_case(name))
                || question.own.iter().any(|known| known.name.eq_ignore_ascii_case(name))
        };
        let plain = series.name.clone();
        let mut n = 2;
        while is_taken(&series.name) {
            series.name = format!("{plain}-{n}");
            n += 1;
        }
        series.origin.series = series.name.clone();
        let name = series.name.clone();
        question.own.push(series);
        Ok(name)
    }

    /// Symbols as a caller writes them: tickers, identifiers, and the forms that stand for many.
    ///
    /// # Errors
    /// As [`Lookup::read`].
    pub(crate) async fn symbols(&self, given: &[String]) -> Result<Symbols, ToolError> {
        let given = given.to_vec();
        self.look_up(move |lookup| lookup.read(&given)).await
    }

    /// One symbol: its name and what it means unless that is the US equity of that ticker.
    ///
    /// # Errors
    /// As [`Lookup::one`].
    pub(crate) async fn symbol(&self, given: &str) -> Result<(String, Option<SymbolQuery>), ToolError> {
        let given = given.to_owned();
        self.look_up(move |lookup| lookup.one(&given)).await
    }

    /// Adds the one symbol of another argument (a benchmark) to a question; answers the name under which its prices
    /// stand, `None` if the argument is not given.
    ///
    /// # Errors
    /// A text that is no symbol, or stands for several; another security than the one of that name in the question.
    pub(crate) async fn also(
        &self,
        question: &mut Question,
        argument: &str,
        given: Option<&str>,
    ) -> Result<Option<String>, ToolError> {
        let Some(given) = given.map(str::trim).filter(|given| !given.is_empty()) else { return Ok(None) };
        let (found, standing) = self.standing(question, argument, &[given.to_owned()]).await?;
        let ([name], [standing]) = (found.names.as_slice(), standing.as_slice()) else {
            let n = found.names.len();
            return Err(wrong(format!("{argument} must be one symbol, found a form that stands for {n}")));
        };
        let new = found.notes.into_iter().filter(|note| !question.notes.contains(note)).collect::<Vec<_>>();
        question.notes.extend(new);
        question.warnings.extend(found.warnings);
        if let Some(standing) = standing {
            // Asked for by name, it may not be left out any more.
            question.grouped.remove(standing);
            return Ok(Some(standing.clone()));
        }
        question.symbols.push(name.clone());
        question.meant.extend(found.meant);
        Ok(Some(name.clone()))
    }

    /// Symbols of another argument, each by the name under which its security stands in a question; one that does not
    /// stand there by its own.
    ///
    /// # Errors
    /// As [`Study::also`], for several symbols.
    pub(crate) async fn among(
        &self,
        question: &Question,
        argument: &str,
        given: &[String],
    ) -> Result<Vec<String>, ToolError> {
        if given.is_empty() {
            return Ok(Vec::new());
        }
        let (found, standing) = self.standing(question, argument, given).await?;
        Ok(standing.into_iter().zip(found.names).map(|(standing, name)| standing.unwrap_or(name)).collect())
    }

    /// Symbols, and for each the name under which its security stands in a question.
    async fn standing(
        &self,
        question: &Question,
        argument: &str,
        given: &[String],
    ) -> Result<(Symbols, Vec<Option<String>>), ToolError> {
        let (given, names, meant) = (given.to_vec(), question.symbols.clone(), question.meant.clone());
        let argument = argument.to_owned();
        self.look_up(move |lookup| {
            let found = lookup.read(&given)?;
            let id = |query: &SymbolQuery| lookup.source.folder.resolve(query).ok().map(|security| security.sid);
            let known: Vec<_> = names.iter().map(|name| id(&symbols::query(&meant, name))).collect();
            let mut standing = Vec::with_capacity(found.names.len());
            for (name, query) in found.names.iter().zip(found.queries()) {
                let this = id(&query);
                let by_name = names.iter().position(|known| known == name);
                let by_id = this.as_ref().and_then(|this| known.iter().position(|known| known.as_ref() == Some(this)));
                let at = match (by_id, by_name) {
                    (Some(at), _) => Some(at),
                    // Neither can be resolved: what is wrong is said when its prices are read.
                    (None, Some(at)) if this == known.get(at).cloned().flatten() => Some(at),
                    (None, Some(_)) => {
                        return Err(wrong(format!(
                            "{argument} {name} means another security than {name} in symbols; prices stand in columns named by ticker, so only one of them can be used at a time"
                        )));
                    }
                    (None, None) => None,
                };
                standing.push(at.and_then(|at| names.get(at).cloned()));
            }
            Ok((found, standing))
        })
        .await
    }

    /// Runs a job that looks names up on the pool.
    async fn look_up<T: Send + 'static>(
        &self,
        job: impl FnOnce(&Lookup<'_>) -> Result<T, ToolError> + Send + 'static,
    ) -> Result<T, ToolError> {
        let (desk, held, caller) = (self.desk.clone(), self.held.clone(), self.caller().to_owned());
        self.run(move |source, _| job(&Lookup { desk: &desk, caller: &caller, source, held: &held })).await
    }
}

fn wrong(message: String) -> ToolError {
    ToolError::new(Kind::InvalidArgument, Topic::Symbol, message)
}
