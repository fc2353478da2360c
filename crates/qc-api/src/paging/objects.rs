//! The pages of a folder of the object store.
//!
//! Answers carry `page` and `totalPages`; which member of a request picks a page is not documented, so what comes
//! back is checked: a walk never takes the first page twice for two pages.

use futures::stream::{Stream, try_unfold};

use crate::endpoint::Endpoint as _;
use crate::endpoints::object_store::{ListObjects, ObjectsReply};
use crate::error::{Error, Result};

/// Every page of a folder from the request's own page on, one after the other; nothing is asked before it is wanted.
/// Folders below it are rows, not walked into.
///
/// `send` sends one request, as for [`super::pages`]. [`crate::Client::objects`] is this with a client.
///
/// # Errors
/// Whatever `send` returns; [`Error::Shape`] when another page comes than was asked for.
pub fn object_pages<'a, S, Fut>(request: ListObjects, send: S) -> impl Stream<Item = Result<ObjectsReply>> + 'a
where
    S: Fn(ListObjects) -> Fut + 'a,
    Fut: Future<Output = Result<ObjectsReply>> + 'a,
{
    let first = request.page.unwrap_or(1).max(1);
    // The first page needs no number, and servers that know no such member are asked without it.
    let state = (Some(first), None::<String>, request, send);
    try_unfold(state, move |(next, before, request, send)| async move {
        let Some(page) = next else { return Ok(None) };
        let number = (1 < page).then_some(page);
        let reply = send(ListObjects { page: number, ..request.clone() }).await?;
        let key = reply.objects.first().map(|object| object.key.clone());
        let other = reply.page.is_some_and(|came| came != page);
        if 1 < page && (other || (key.is_some() && key == before)) {
            let came = reply.page.map_or_else(|| "the page before".to_owned(), |came| format!("page {came}"));
            let message = format!("page {page} was asked for, {came} came");
            return Err(Error::Shape { endpoint: ListObjects::PATH.to_owned(), path: "page".to_owned(), message });
        }
        let ends = reply.objects.is_empty() || reply.total_pages.is_none_or(|total| total <= page);
        let next = if ends { None } else { page.checked_add(1) };
        Ok(Some((reply, (next, key, request, send))))
    })
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use futures::TryStreamExt as _;

    use super::*;
    use crate::endpoints::object_store::ObjectSummary;

    /// A store of `total` pages with one object each; `heeds` says whether it knows the member `page`.
    async fn walk(total: i64, heeds: bool, tells: bool) -> (Result<Vec<String>>, Vec<Option<i64>>) {
        let asked = RefCell::new(Vec::new());
        let pages = object_pages(ListObjects::default(), |request: ListObjects| {
            asked.borrow_mut().push(request.page);
            let page = if heeds { request.page.unwrap_or(1) } else { 1 };
            let object = ObjectSummary { key: format!("k{page}"), ..ObjectSummary::default() };
            let objects = if page <= total { vec![object] } else { Vec::new() };
            let reply = ObjectsReply {
                objects,
                page: tells.then_some(page),
                total_pages: Some(total),
                ..ObjectsReply::default()
            };
            async { Ok(reply) }
        });
        let keys = pages
            .try_fold(Vec::new(), |mut keys, page| async {
                keys.extend(page.objects.into_iter().map(|object| object.key));
                Ok(keys)
            })
            .await;
        (keys, asked.into_inner())
    }

    #[tokio::test]
    async fn every_page_comes_once() {
        for tells in [true, false] {
            let (keys, asked) = walk(3, true, tells).await;
            assert_eq!(keys.unwrap(), ["k1", "k2", "k3"]);
            assert_eq!(asked, [None, Some(2), Some(3)]);
        }
        assert_eq!(walk(0, true, true).await.1, [None]);
        assert_eq!(walk(1, true, true).await.1, [None]);
    }

    #[tokio::test]
    async fn a_server_that_knows_no_pages_is_an_error_not_a_short_list() {
        for (tells, words) in [(true, "page 1 came"), (false, "the page before came")] {
            let (keys, asked) = walk(3, false, tells).await;
            let error = keys.unwrap_err().to_string();
            assert!(error.contains("page 2 was asked for") && error.contains(words), "{error}");
            assert_eq!(asked.len(), 2);
        }
    }
}
