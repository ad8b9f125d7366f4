//! What a process has used, as `/proc` tells it, and which core a thread runs on.

use std::fs;
use std::net::SocketAddr;
use std::time::Duration;

use rustix::thread::CpuSet;
use rustix::thread::sched_setaffinity;

use crate::Result;

/// What a process has used since it began.
#[derive(Clone, Copy, Debug)]
pub struct Usage {
    /// Time on a core, user and kernel.
    pub cpu: Duration,
    /// Memory that is in use now.
    pub resident_bytes: u64,
}

impl Usage {
    /// Of the process with this number.
    ///
    /// # Errors
    /// If there is none.
    pub fn of(pid: u32) -> Result<Self> {
        let mut cpu = Duration::ZERO;
        for task in fs::read_dir(format!("/proc/{pid}/task"))? {
            let times = fs::read_to_string(task?.path().join("schedstat"))?;
            let on_core = times.split(' ').next().unwrap_or_default();
            cpu += Duration::from_nanos(on_core.parse()?);
        }
        let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
        let line = status.lines().find(|line| line.starts_with("VmRSS:"));
        let kib = line.and_then(|line| line.split_whitespace().nth(1));
        let kib: u64 = kib.ok_or("no VmRSS in /proc")?.parse()?;
        Ok(Self {
            cpu,
            resident_bytes: kib * 1024,
        })
    }
}

/// How many datagrams the kernel has thrown away because the queue of the socket at `addr` was full.
///
/// # Errors
/// If the system does not tell.
pub fn lost_in_queue(addr: SocketAddr) -> Result<u64> {
    let sockets = fs::read_to_string("/proc/net/udp")?;
    let port = format!(":{:04X}", addr.port());
    let lost = sockets.lines().skip(1).filter_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let is_this = fields.get(1)?.ends_with(&port);
        is_this.then(|| fields.last()?.parse::<u64>().ok())?
    });
    Ok(lost.sum())
}

/// Binds this thread, and those that it starts, to a core.
///
/// # Errors
/// If there is no such core.
pub fn bind_to_core(core: usize) -> Result {
    let mut set = CpuSet::new();
    set.set(core);
    Ok(sched_setaffinity(None, &set)?)
}
