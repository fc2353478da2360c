//! Long lists in pages. A cursor is a place in the list; clients hand it back as they got it.

use rmcp::{ErrorData, model::PaginatedRequestParams};

/// Tools of one page: all of them for every set of tools, since many clients read one page alone.
pub(crate) const TOOLS: usize = 250;
/// Resources, templates or prompts of one page.
pub(crate) const OTHERS: usize = 50;

/// The page a request asks for, and the cursor of the next.
///
/// # Errors
/// A cursor that was not given out.
pub(crate) fn page<T>(
    mut items: Vec<T>,
    request: Option<&PaginatedRequestParams>,
    most: usize,
) -> Result<(Vec<T>, Option<String>), ErrorData> {
    let cursor = request.and_then(|request| request.cursor.as_deref());
    let start = match cursor {
        None => 0,
        Some(cursor) => cursor
            .strip_prefix("from-")
            .and_then(|place| place.parse::<usize>().ok())
            .filter(|place| 0 < *place && place.is_multiple_of(most))
            .ok_or_else(|| ErrorData::invalid_params("unknown cursor; begin without one", None))?,
    };
    let next = start.saturating_add(most);
    let cursor = (next < items.len()).then(|| format!("from-{next}"));
    items.truncate(next);
    Ok((items.split_off(start.min(items.len())), cursor))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(cursor: Option<String>) -> Option<PaginatedRequestParams> {
        cursor.map(|cursor| PaginatedRequestParams::default().with_cursor(Some(cursor)))
    }

    #[test]
    fn pages_follow_each_other_and_hold_everything_once() {
        for n in [0, 1, 4, 5, 6, 10, 11] {
            let (mut all, mut cursor) = (Vec::new(), None);
            loop {
                let (page, next) = page((0..n).collect(), at(cursor).as_ref(), 5).unwrap();
                assert!(page.len() <= 5);
                all.extend(page);
                cursor = next;
                if cursor.is_none() {
                    break;
                }
            }
            assert_eq!(all, (0..n).collect::<Vec<_>>());
        }
    }

    #[test]
    fn other_cursors_are_refused() {
        for bad in ["", "5", "from-", "from-0", "from-3", "from--5", "from-x", "from-99999999999999999999"] {
            assert!(page(vec![1; 20], at(Some(bad.into())).as_ref(), 5).is_err(), "{bad}");
        }
    }
}
