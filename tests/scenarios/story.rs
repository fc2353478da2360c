//! A session that counts what an assistant pays for a job: calls, and bytes of their answers.

use std::cell::Cell;

use qc_sim::{FolderMode, SimOptions};
use serde_json::{Value, json};
use support::session::{Answer, Session};

/// The most bytes of one answer, as the house promises it.
const MOST_BYTES_OF_ONE: usize = 20_000;

/// One job, told to an assistant.
pub struct Story {
    pub session: Session,
    calls: Cell<usize>,
    bytes: Cell<usize>,
}

impl Story {
    /// A story in an empty account, with the default tools and the synthetic market.
    pub async fn begin(flags: &[&str]) -> Story {
        let options = SimOptions { folder: FolderMode::Temporary, ..SimOptions::default() };
        Story { session: Session::with(flags, options).await, calls: Cell::new(0), bytes: Cell::new(0) }
    }

    /// One call, as the assistant makes it.
    pub async fn call(&self, tool: &'static str, arguments: Value) -> Answer {
        let answer = self.session.call(tool, arguments).await;
        let bytes = answer.text().len();
        self.calls.set(self.calls.get() + 1);
        self.bytes.set(self.bytes.get() + bytes);
        assert!(bytes <= MOST_BYTES_OF_ONE, "{tool}: {bytes} bytes");
        answer
    }

    /// One call that must succeed; its facts.
    pub async fn ok(&self, tool: &'static str, arguments: Value) -> Value {
        let answer = self.call(tool, arguments).await;
        assert!(!answer.is_error(), "{tool}: {}", answer.text());
        answer.checked()
    }

    /// Ends the story: what it took must be what was promised.
    pub fn took(&self, calls: usize, bytes: usize) {
        let (n, all) = (self.calls.get(), self.bytes.get());
        println!("{n} call(s), {all} bytes");
        assert!(n <= calls, "{n} calls, {calls} promised");
        assert!(all <= bytes, "{all} bytes, {bytes} promised");
    }
}

/// The answer once it is no job any more; waiting is a call too.
pub async fn over(story: &Story, mut answer: Value) -> Value {
    while answer.get("job").is_some() && answer["status"] != "completed" {
        answer = story.ok("wait_for_job", json!({"job": answer["job"]})).await;
    }
    answer
}
