//! The client's longer ways: wait for work, walk lists, fetch what links point to. Each is made of single sends.

use std::time::Duration;

use futures::stream::{Stream, TryStreamExt as _};
use jiff::Timestamp;

use super::Client;
use crate::download::{DOWNLOAD, Download};
use crate::endpoints::connections::Secret;
use crate::endpoints::object_store::{ListObjects, ObjectSummary, ReadDownload, StartDownload};
use crate::error::Result;
use crate::ids::OrganizationId;
use crate::lookup::LookUp;
use crate::paging::{self, Paged};
use crate::poll::{self, Awaited, Progress, Schedule, Step};

impl Client {
    /// Sends a reading request until its answer is the one waited for; the table at [`Awaited`] says which that is,
    /// how often is asked and when it is given up.
    ///
    /// ```no_run
    /// use qc_api::endpoints::compile::{CompileState, CreateCompile, ReadCompile};
    /// # async fn example(client: qc_api::Client, project_id: qc_api::ids::ProjectId) -> qc_api::Result<()> {
    ///
    /// let compile_id = client.send(&CreateCompile { project_id }).await?.compile_id;
    /// let compiled = client.wait(&ReadCompile { project_id, compile_id }).await?;
    /// assert_eq!(compiled.state, CompileState::BuildSuccess);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`crate::Error::DeadlinePassed`] when time is up; the work goes on at the service. Otherwise as
    /// [`Client::send`].
    pub async fn wait<E: Awaited>(&self, request: &E) -> Result<E::Reply> {
        self.wait_with(request, None, |_| {}).await
    }

    /// Like [`Client::wait`] with an end of one's own, and an ear for every step on the way.
    ///
    /// # Errors
    /// As [`Client::wait`].
    pub async fn wait_with<E: Awaited>(
        &self,
        request: &E,
        deadline: Option<Duration>,
        report: impl FnMut(&Progress),
    ) -> Result<E::Reply> {
        poll::wait(request, &**self.clock(), deadline, report, |request| self.send_owned(request)).await
    }

    /// The rows of a list from the request's own start on, one by one; windows are asked for as they are wanted,
    /// each as wide as the service allows (the table at [`paging`]).
    ///
    /// ```no_run
    /// use futures::TryStreamExt as _;
    /// use qc_api::endpoints::projects::ReadProjects;
    /// # async fn example(client: qc_api::Client) -> qc_api::Result<()> {
    ///
    /// let mut projects = std::pin::pin!(client.rows(ReadProjects::default()));
    /// while let Some(project) = projects.try_next().await? {
    ///     assert!(!project.name.is_empty());
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// As [`paging::pages`], but rows that are still being loaded are waited for.
    pub fn rows<'a, E: Paged + 'a>(&'a self, request: E) -> impl Stream<Item = Result<E::Item>> + 'a {
        let start = request.start();
        paging::rows(request, start, |request| self.loaded(request))
    }

    /// Every row of a list from the request's own start on.
    ///
    /// # Errors
    /// As [`Client::rows`].
    pub async fn all<E: Paged>(&self, request: E) -> Result<Vec<E::Item>> {
        self.rows(request).try_collect().await
    }

    /// Everything in one folder of the object store, over all its pages; folders below it are not walked into.
    ///
    /// # Errors
    /// As [`paging::object_pages`].
    pub async fn objects(&self, folder: ListObjects) -> Result<Vec<ObjectSummary>> {
        paging::object_pages(folder, |request| self.send_owned(request))
            .try_fold(Vec::new(), |mut objects, page| async {
                objects.extend(page.objects);
                Ok(objects)
            })
            .await
    }

    /// After [`crate::Error::MaybeCreated`]: reads what is there and gives the rows that `request`, having left at
    /// `left` on this client's clock, may have made. None: it was not carried out, or not yet.
    ///
    /// # Errors
    /// As [`Client::send`] for the request that lists.
    pub async fn look_up<E: LookUp>(&self, request: &E, left: Timestamp) -> Result<Vec<E::Found>> {
        Ok(request.candidates(self.send(&request.listing()).await?, left))
    }

    /// Opens what a pre-signed link points to, to be read piece by piece. Asked once.
    ///
    /// The request carries neither signature nor timestamp; see the rules in [`crate::download`].
    ///
    /// # Errors
    /// [`crate::Error::Config`] for a link that must not be followed (nothing was sent); `Redirected`, `Status` (403
    /// when the link has expired), `TooLarge`, `Transport`.
    pub async fn open(&self, link: &Secret) -> Result<Download> {
        self.shared.downloads.open(link.expose(), self.shared.timeout).await
    }

    /// The whole of what a pre-signed link points to, in memory; begun again after a failure like any read.
    ///
    /// # Errors
    /// As [`Client::open`] and [`Download::chunk`].
    pub async fn download(&self, link: &Secret) -> Result<Vec<u8>> {
        let mut attempt = 1;
        loop {
            let outcome = match self.open(link).await {
                Ok(download) => download.bytes().await,
                Err(error) => Err(error),
            };
            let error = match outcome {
                Ok(bytes) => return Ok(bytes),
                Err(error) => error,
            };
            let Some(wait) = self.shared.retry.wait(&DOWNLOAD, &error, attempt, &self.shared.jitter) else {
                return Err(error);
            };
            tracing::debug!(attempt, wait_ms = wait.as_millis(), "download again after a failure");
            self.clock().sleep(wait).await;
            attempt += 1;
        }
    }

    /// Files of the object store as one zip whose entries are their keys: has it packed, waits for the link, fetches
    /// it. A folder's key stands for everything below it.
    ///
    /// # Errors
    /// As [`Client::send`] (`Refused` without the right to export, or when no key is there), [`Client::wait`] and
    /// [`Client::download`].
    pub async fn download_objects(&self, organization_id: OrganizationId, keys: Vec<String>) -> Result<Vec<u8>> {
        let start = StartDownload { organization_id: organization_id.clone(), keys };
        let begun = self.send(&start).await?;
        let at_once = begun.url.filter(|link| !link.expose().is_empty());
        let link = match at_once {
            Some(link) => link,
            None => {
                let poll = ReadDownload { organization_id, job_id: begun.job_id };
                self.wait(&poll).await?.url.unwrap_or_default()
            }
        };
        self.download(&link).await
    }

    async fn send_owned<E: crate::Endpoint>(&self, request: E) -> Result<E::Reply> {
        self.send(&request).await
    }

    /// Sends until the rows are loaded.
    async fn loaded<E: Paged>(&self, request: E) -> Result<E::Reply> {
        let look = || async {
            let reply = self.send(&request).await?;
            Ok(match E::loading(&reply) {
                Some(progress) => Step::Waiting(progress),
                None => Step::Done(reply),
            })
        };
        poll::until(&**self.clock(), Schedule::CHART, None, |_| {}, look).await
    }
}
