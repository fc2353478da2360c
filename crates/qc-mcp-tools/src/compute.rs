//! The only place where async code meets rayon.
//!
//! One pool of `max(1, cores - 1)` threads, made at the first computation, so that the protocol stays responsive
//! while a covariance is decomposed. A caller has one computation at a time; callers take turns in the order they
//! asked. A job that is no longer wanted (the request was cancelled, the client went away) is told through
//! [`Stop`], which the long loops of qc-quant look at through their progress callback.

use std::{
    any::Any,
    collections::HashMap,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use tokio::sync::{Mutex as AsyncMutex, OnceCell, OwnedMutexGuard, Semaphore, oneshot};
use tokio_util::sync::CancellationToken;

/// Why a computation has no result.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ComputeError {
    /// The request was cancelled before the job ended.
    #[error("the computation was cancelled")]
    Cancelled,
    /// The job panicked; the pool is unharmed.
    #[error("internal error in a computation, see the server log")]
    Panicked,
    /// The pool could not be made.
    #[error("no threads for computations: {0}")]
    NoPool(String),
}

/// Told to a running job: whether anybody still waits for it, and where it says how far it is.
#[derive(Debug, Clone, Default)]
pub struct Stop {
    shared: Arc<StopState>,
}

#[derive(Debug, Default)]
struct StopState {
    wanted: AtomicBool,
    /// Parts of a thousand already done.
    permille: AtomicU64,
}

impl Stop {
    /// Whether the job should end now, its result being of no use any more.
    pub fn is_requested(&self) -> bool {
        self.shared.wanted.load(Ordering::Relaxed)
    }

    /// Asks the job to end at its next look.
    pub fn request(&self) {
        self.shared.wanted.store(true, Ordering::Relaxed);
    }

    /// Notes the fraction done (0 to 1) and answers whether to go on.
    pub fn step(&self, fraction: f64) -> bool {
        let permille = (fraction.clamp(0.0, 1.0) * 1000.0) as u64;
        self.shared.permille.fetch_max(permille, Ordering::Relaxed);
        !self.is_requested()
    }

    /// Fraction done as last noted by the job, 0 to 1.
    pub fn fraction(&self) -> f64 {
        self.shared.permille.load(Ordering::Relaxed) as f64 / 1000.0
    }
}

/// The pool and the queue in front of it. Cheap to make: threads start with the first job.
pub struct Compute {
    pool: OnceCell<Pool>,
    threads: usize,
    turns: Turns,
}

/// One lock per caller that has work here.
type Turns = Arc<Mutex<HashMap<String, Arc<AsyncMutex<()>>>>>;

struct Pool {
    rayon: rayon::ThreadPool,
    /// Fair queue (first come, first served) with one place per thread.
    places: Arc<Semaphore>,
}

impl fmt::Debug for Compute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Compute").field("threads", &self.threads).field("started", &self.pool.initialized()).finish()
    }
}

impl Default for Compute {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Compute::with_threads(cores.saturating_sub(1))
    }
}

impl Compute {
    /// A pool of `threads` threads (at least one).
    pub fn with_threads(threads: usize) -> Self {
        Compute { pool: OnceCell::new(), threads: threads.max(1), turns: Turns::default() }
    }

    /// How many threads compute at once.
    pub fn threads(&self) -> usize {
        self.threads
    }

    /// Whether the threads have been started.
    pub fn is_started(&self) -> bool {
        self.pool.initialized()
    }

    /// Runs `job` on the pool and waits for its result.
    ///
    /// `caller` is the key of whoever asked: a second job of the same caller waits for the first. When `cancel`
    /// fires, or the returned future is dropped, the job's [`Stop`] is set and the answer is
    /// [`ComputeError::Cancelled`] at once; a job still in the queue never starts.
    ///
    /// # Errors
    /// [`ComputeError::Cancelled`], and [`ComputeError::Panicked`] if the job panicked.
    pub async fn run<T, F>(&self, caller: &str, cancel: &CancellationToken, job: F) -> Result<T, ComputeError>
    where
        T: Send + 'static,
        F: FnOnce(&Stop) -> T + Send + 'static,
    {
        self.run_watched(caller, cancel, Stop::default(), job).await
    }

    /// As [`Compute::run`], with a [`Stop`] of the caller's own, from which it can read how far the job is.
    ///
    /// # Errors
    /// As [`Compute::run`].
    pub async fn run_watched<T, F>(
        &self,
        caller: &str,
        cancel: &CancellationToken,
        stop: Stop,
        job: F,
    ) -> Result<T, ComputeError>
    where
        T: Send + 'static,
        F: FnOnce(&Stop) -> T + Send + 'static,
    {
        let guard = StopOnDrop(stop.clone());
        let work = async {
            let turn = Turn::take(&self.turns, caller).await;
            let pool = self.pool().await?;
            let place = pool.places.clone().acquire_owned().await.map_err(|_| ComputeError::Cancelled)?;
            let (send, receive) = oneshot::channel();
            pool.rayon.spawn(move || {
                let answer = if stop.is_requested() {
                    Err(ComputeError::Cancelled)
                } else {
                    // A panic must neither end the process (rayon's default) nor leave the client waiting.
                    catch_unwind(AssertUnwindSafe(|| job(&stop))).map_err(|payload| report_panic(payload.as_ref()))
                };
                // The place and the turn belong to the job: a cancelled request frees neither before its job ends.
                drop((place, turn));
                let _ = send.send(answer);
            });
            receive.await.map_err(|_| ComputeError::Panicked)?
        };
        let answer = tokio::select! {
            biased;
            () = cancel.cancelled() => Err(ComputeError::Cancelled),
            answer = work => answer,
        };
        drop(guard);
        answer
    }

    async fn pool(&self) -> Result<&Pool, ComputeError> {
        self.pool
            .get_or_try_init(|| async {
                let rayon = rayon::ThreadPoolBuilder::new()
                    .num_threads(self.threads)
                    .thread_name(|index| format!("compute-{index}"))
                    .build()
                    .map_err(|error| ComputeError::NoPool(error.to_string()))?;
                Ok(Pool { rayon, places: Arc::new(Semaphore::new(self.threads)) })
            })
            .await
    }
}

/// A caller's turn; forgets the caller when none of its requests waits any more.
struct Turn {
    turns: Turns,
    caller: String,
    held: Option<OwnedMutexGuard<()>>,
}

impl Turn {
    async fn take(turns: &Turns, caller: &str) -> Turn {
        let lock = {
            let mut all = turns.lock().unwrap_or_else(PoisonError::into_inner);
            all.entry(caller.to_owned()).or_default().clone()
        };
        // Made before waiting, so that a request cancelled in the queue is forgotten too.
        let mut turn = Turn { turns: turns.clone(), caller: caller.to_owned(), held: None };
        turn.held = Some(lock.lock_owned().await);
        turn
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        drop(self.held.take());
        let mut all = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        if all.get(&self.caller).is_some_and(|lock| Arc::strong_count(lock) == 1) {
            all.remove(&self.caller);
        }
    }
}

struct StopOnDrop(Stop);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.request();
    }
}

/// Notes that a job panicked; the payload may hold a caller's data and stays out of the log.
fn report_panic(_payload: &(dyn Any + Send)) -> ComputeError {
    tracing::error!("a computation panicked");
    ComputeError::Panicked
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{atomic::AtomicUsize, mpsc},
        time::Duration,
    };

    use super::*;

    const LONG: Duration = Duration::from_secs(10);

    #[tokio::test]
    async fn answers_and_starts_its_threads_only_when_needed() {
        let compute = Compute::with_threads(2);
        assert!(!compute.is_started());
        let sum = compute.run("a", &CancellationToken::new(), |_| (1..=10).sum::<i32>()).await.unwrap();
        assert_eq!(sum, 55);
        assert!(compute.is_started());
    }

    #[tokio::test]
    async fn a_panic_becomes_an_error_and_the_pool_lives_on() {
        let compute = Compute::with_threads(1);
        let cancel = CancellationToken::new();
        let error = compute.run("a", &cancel, |_| -> i32 { panic!("planted") }).await.unwrap_err();
        assert!(matches!(error, ComputeError::Panicked), "{error}");
        assert_eq!(compute.run("a", &cancel, |_| 7).await.unwrap(), 7);
    }

    #[tokio::test]
    async fn one_job_per_caller_at_a_time() {
        let compute = Arc::new(Compute::with_threads(4));
        let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let mut jobs = Vec::new();
        for _ in 0..8 {
            let (compute, running, most) = (compute.clone(), running.clone(), most.clone());
            jobs.push(tokio::spawn(async move {
                let job = move |_: &Stop| {
                    most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    std::thread::sleep(Duration::from_millis(2));
                    running.fetch_sub(1, Ordering::SeqCst);
                };
                compute.run("same", &CancellationToken::new(), job).await.unwrap();
            }));
        }
        for job in jobs {
            job.await.unwrap();
        }
        assert_eq!(most.load(Ordering::SeqCst), 1);
        assert!(compute.turns.lock().unwrap().is_empty(), "callers are forgotten when they are done");
    }

    #[tokio::test]
    async fn another_caller_does_not_wait_for_the_queue_of_the_first() {
        let compute = Arc::new(Compute::with_threads(2));
        let (release, gate) = mpsc::channel::<()>();
        let busy = {
            let compute = compute.clone();
            tokio::spawn(async move {
                compute.run("a", &CancellationToken::new(), move |_| gate.recv_timeout(LONG).is_ok()).await
            })
        };
        tokio::task::yield_now().await;
        let other = tokio::time::timeout(LONG, compute.run("b", &CancellationToken::new(), |_| 1)).await;
        assert_eq!(other.expect("not blocked by a").unwrap(), 1);
        release.send(()).unwrap();
        assert!(busy.await.unwrap().unwrap());
    }

    #[tokio::test]
    async fn cancelling_answers_at_once_and_tells_the_job() {
        let compute = Arc::new(Compute::with_threads(1));
        let cancel = CancellationToken::new();
        let (started, has_started) = oneshot::channel();
        let (ended, has_ended) = mpsc::channel();
        let job = {
            let (compute, cancel) = (compute.clone(), cancel.clone());
            tokio::spawn(async move {
                let work = move |stop: &Stop| {
                    started.send(()).unwrap();
                    while stop.step(0.5) {
                        std::thread::yield_now();
                    }
                    ended.send(stop.fraction()).unwrap();
                };
                compute.run("a", &cancel, work).await
            })
        };
        has_started.await.unwrap();
        cancel.cancel();
        assert!(matches!(job.await.unwrap(), Err(ComputeError::Cancelled)));
        assert_eq!(has_ended.recv_timeout(LONG).unwrap(), 0.5);
    }

    #[tokio::test]
    async fn dropping_the_request_stops_the_job() {
        let compute = Arc::new(Compute::with_threads(1));
        let (started, has_started) = oneshot::channel();
        let (ended, has_ended) = mpsc::channel();
        let task = {
            let compute = compute.clone();
            tokio::spawn(async move {
                let work = move |stop: &Stop| {
                    started.send(()).unwrap();
                    while !stop.is_requested() {
                        std::thread::yield_now();
                    }
                    ended.send(()).unwrap();
                };
                compute.run("a", &CancellationToken::new(), work).await
            })
        };
        has_started.await.unwrap();
        task.abort();
        assert!(task.await.unwrap_err().is_cancelled());
        has_ended.recv_timeout(LONG).unwrap();
    }
}
