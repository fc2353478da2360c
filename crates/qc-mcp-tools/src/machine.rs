//! Figures of this computer and of this process, and nothing that names people: no command lines, environments,
//! paths, users or host name.

use serde_json::{Value, json};
use sysinfo::{MemoryRefreshKind, ProcessRefreshKind, ProcessesToUpdate, System};

/// Operating system, processors, memory, load, and this process.
pub(crate) fn info() -> Value {
    let mut info = json!({
        "os": System::name().ok(),
        "os_version": System::os_version().ok(),
        "kernel": System::kernel_version().ok(),
        "architecture": System::cpu_arch(),
        "processors": std::thread::available_parallelism().map_or(1, usize::from),
        "uptime_seconds": System::uptime().ok(),
    });
    let Some(map) = info.as_object_mut() else { return info };
    if let Ok(load) = System::load_average() {
        map.insert("load_average".into(), json!({"1m": load.one, "5m": load.five, "15m": load.fifteen}));
    }
    if let Ok(mut system) = System::new() {
        system.refresh_memory_specifics(MemoryRefreshKind::everything());
        map.insert(
            "memory".into(),
            json!({
                "total_bytes": system.total_memory(),
                "used_bytes": system.used_memory(),
                "available_bytes": system.available_memory(),
                "swap_total_bytes": system.total_swap(),
                "swap_used_bytes": system.used_swap(),
            }),
        );
        if let Ok(pid) = sysinfo::get_current_pid() {
            system.refresh_processes_specifics(
                ProcessesToUpdate::Some(&[pid]),
                true,
                ProcessRefreshKind::nothing().with_memory().with_cpu(),
            );
            if let Some(process) = system.process(pid) {
                map.insert(
                    "this_process".into(),
                    json!({"pid": pid.as_u32(), "memory_bytes": process.memory(), "cpu_percent": cpu_percent(process), "run_seconds": process.run_time()}),
                );
            }
        }
    }
    info
}

/// Resident bytes of this process; 0 where the system does not say.
pub(crate) fn own_memory() -> u64 {
    let (Ok(mut system), Ok(pid)) = (System::new(), sysinfo::get_current_pid()) else { return 0 };
    let what = ProcessRefreshKind::nothing().with_memory();
    system.refresh_processes_specifics(ProcessesToUpdate::Some(&[pid]), true, what);
    system.process(pid).map_or(0, sysinfo::Process::memory)
}

/// The `limit` processes with the most memory; only this one where `others` may not be shown.
pub(crate) fn processes(limit: usize, others: bool) -> Value {
    let Ok(mut system) = System::new() else { return json!({"processes": [], "total": 0}) };
    let own = sysinfo::get_current_pid().ok();
    let what = ProcessRefreshKind::nothing().with_memory().with_cpu();
    match (others, own) {
        (false, Some(pid)) => system.refresh_processes_specifics(ProcessesToUpdate::Some(&[pid]), true, what),
        (false, None) => 0,
        (true, _) => system.refresh_processes_specifics(ProcessesToUpdate::All, true, what),
    };
    let mut all: Vec<&sysinfo::Process> =
        system.processes().values().filter(|process| process.thread_kind().is_none()).collect();
    all.sort_by(|a, b| b.memory().cmp(&a.memory()).then(a.pid().cmp(&b.pid())));
    let rows: Vec<Value> = all
        .iter()
        .take(limit)
        .map(|process| {
            json!({
                "pid": process.pid().as_u32(),
                "name": process.name().to_string_lossy(),
                "cpu_percent": cpu_percent(process),
                "memory_bytes": process.memory(),
            })
        })
        .collect();
    json!({"processes": rows, "total": all.len(), "cpu_percent": "mean since the process started, of one processor"})
}

/// Mean use of one processor since the process started: exact at once, where a momentary figure would need a wait.
fn cpu_percent(process: &sysinfo::Process) -> f64 {
    const MS_PER_S: f64 = 1000.0;
    #[allow(clippy::cast_precision_loss)] // milliseconds of a process stay far below 2^53
    let (used, run) = (process.accumulated_cpu_time() as f64 / MS_PER_S, process.run_time().max(1) as f64);
    (1000.0 * used / run).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_real_and_name_nobody() {
        let info = info();
        assert!(0 < info["memory"]["total_bytes"].as_u64().unwrap());
        assert!(0 < info["this_process"]["memory_bytes"].as_u64().unwrap());
        let own = processes(5, false);
        assert_eq!(own["processes"].as_array().unwrap().len(), 1);
        let row = own["processes"][0].as_object().unwrap();
        assert_eq!(row.keys().collect::<Vec<_>>(), ["pid", "name", "cpu_percent", "memory_bytes"]);
    }
}
