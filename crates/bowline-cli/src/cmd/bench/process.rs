//! What the operating system knows of this process and of time.

/// Nanoseconds of a clock that all processes of this machine share.
pub(crate) fn now_ns() -> u64 {
    clock_ns(Clock::Monotonic)
}

/// Nanoseconds of processor time that this process has used, in all its threads.
pub(crate) fn cpu_ns() -> u64 {
    clock_ns(Clock::ProcessCpu)
}

/// Memory in use that is not swapped out, in KiB. 0 where it cannot be told.
pub(crate) fn rss_kb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let value = line.and_then(|rest| rest.split_whitespace().next());
    value.and_then(|value| value.parse().ok()).unwrap_or(0)
}

/// The local addresses of this process's UDP sockets. None where they cannot be told.
pub(crate) fn udp_sockets() -> Vec<String> {
    let Ok(open) = std::fs::read_dir("/proc/self/fd") else {
        return Vec::new();
    };
    let links = open
        .flatten()
        .filter_map(|file| file.path().read_link().ok());
    let inodes = links.filter_map(|link| {
        let name = link.to_str()?.strip_prefix("socket:[")?;
        Some(name.strip_suffix(']')?.to_owned())
    });
    let inodes = inodes.collect::<Vec<_>>();
    let tables = ["/proc/net/udp", "/proc/net/udp6"];
    let tables = tables.map(|table| std::fs::read_to_string(table).unwrap_or_default());
    let rows = tables.iter().flat_map(|table| table.lines().skip(1));
    let ours = rows.filter_map(|row| {
        let columns = row.split_whitespace().collect::<Vec<_>>();
        let is_ours = inodes
            .iter()
            .any(|inode| columns.get(9) == Some(&inode.as_str()));
        is_ours.then(|| columns[1].to_owned())
    });
    ours.collect()
}

#[derive(Clone, Copy)]
enum Clock {
    Monotonic,
    ProcessCpu,
}

#[cfg(unix)]
fn clock_ns(clock: Clock) -> u64 {
    use rustix::time::ClockId;
    let time = rustix::time::clock_gettime(match clock {
        Clock::Monotonic => ClockId::Monotonic,
        Clock::ProcessCpu => ClockId::ProcessCPUTime,
    });
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// Without a common clock: the time of day, and no processor time.
#[cfg(not(unix))]
fn clock_ns(clock: Clock) -> u64 {
    use std::time::SystemTime;
    match clock {
        Clock::Monotonic => {
            let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
            since.map_or(0, |since| since.as_nanos() as u64)
        }
        Clock::ProcessCpu => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn the_sockets_of_this_process_are_told() {
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let port = socket.local_addr().unwrap().port();
        let told = format!("0100007F:{port:04X}");
        assert!(udp_sockets().contains(&told), "{told}");
        drop(socket);
        assert!(!udp_sockets().contains(&told));
    }

    #[test]
    fn clocks_go_forward() {
        let (now, cpu) = (now_ns(), cpu_ns());
        assert!(now_ns() >= now && now > 0);
        assert!(cpu_ns() >= cpu);
    }
}
