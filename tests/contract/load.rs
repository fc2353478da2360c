//! Many calls at once: nothing fails, nothing piles up.

use std::process::Command;

use qc_api::endpoints::account::ReadAccount;
use qc_api::endpoints::projects::ReadProjects;

use crate::session;

/// A thousand reads, all begun at once.
async fn a_thousand_reads(client: &qc_api::Client) {
    let (account, projects) = (ReadAccount::default(), ReadProjects::default());
    let outcomes = futures::future::join_all((0..500).map(|_| async {
        client.send(&account).await.unwrap();
        client.send(&projects).await.unwrap().projects.len()
    }))
    .await;
    assert!(outcomes.iter().all(|projects| *projects == 2));
}

#[tokio::test]
async fn a_thousand_concurrent_reads_find_no_error() {
    let (sim, client) = session().await;
    a_thousand_reads(&client).await;
    assert_eq!(sim.journal().len(), 1000);
}

/// Resident memory of this process in kilobytes, where the system tells.
fn resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?.split_whitespace().next()?.parse().ok()
}

/// Measured in a process of its own, for the other tests of this one hold memory as well.
#[test]
fn round_after_round_of_a_thousand_reads_memory_stays_flat() {
    if resident().is_none() {
        eprintln!("skipped: this system does not tell how much memory a process holds");
        return;
    }
    let mut alone = Command::new(std::env::current_exe().unwrap());
    alone.args(["--exact", "load::rounds_of_reads_alone", "--ignored", "--nocapture"]);
    let output = alone.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

/// The rounds: what is held after the first ones (buffers, connections, the allocator's own) must do for the others. A
/// client that kept half a kilobyte of each call would hold seven megabytes more; a busy machine opens more connections for
/// a while, which is worth one or two.
#[tokio::test]
#[ignore = "run by the test above in a process of its own"]
async fn rounds_of_reads_alone() {
    const GROWTH: u64 = 4_096;
    let (sim, client) = session().await;
    let mut held = Vec::new();
    for _ in 0..20 {
        a_thousand_reads(&client).await;
        sim.journal().clear(); // the simulator remembers every request; that is its memory, not the client's
        held.push(resident().unwrap());
    }
    println!("kilobytes after each round: {held:?}");
    let (first, last) = (held[..6].iter().max().unwrap(), held[17..].iter().min().unwrap());
    assert!(*last <= first + GROWTH, "memory grows: {held:?}");
}
