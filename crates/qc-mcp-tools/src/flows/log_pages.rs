//! Walking a log page by page: of a backtest and of a live algorithm alike.

use crate::error::ToolError;

/// The lines from `start` up to `end` (any distance), and how many there are in all; `page` reads those from one line up
/// to another, at most `size`, and answers them with the length of the log where the service tells it.
pub(crate) async fn walk<F>(
    start: i64,
    end: i64,
    size: i64,
    page: impl Fn(i64, i64) -> F,
) -> Result<(Vec<String>, i64), ToolError>
where
    F: Future<Output = Result<(Vec<String>, Option<i64>), ToolError>>,
{
    let mut lines = Vec::new();
    let mut total = 0;
    let mut at = start;
    loop {
        let (more, length) = page(at, end.min(at + size)).await?;
        let n = i64::try_from(more.len()).unwrap_or(size);
        lines.extend(more);
        total = length.unwrap_or(at + n).max(total);
        at += size;
        if n < size || end <= at || total <= at {
            return Ok((lines, total));
        }
    }
}
