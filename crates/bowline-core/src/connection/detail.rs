//! All that is known of how a connection does, as text for people and logs.
//!
//! The sections are those of GNS's text, with lanes and drop counters besides.

use alloc::string::String;
use core::fmt;
use core::fmt::Write;

use crate::connection::Connection;
use crate::connection::ConnectionState;
use crate::connection::RealTimeStatus;
use crate::counters::DropReason;
use crate::handshake::Origin;
use crate::ids::LaneIndex;
use crate::stats::ArmourStats;
use crate::stats::LossStats;
use crate::stats::RemoteStats;
use crate::time::Span;
use crate::time::Timestamp;
use crate::wire::pb;

impl Connection {
    /// Statistics in detail, in lines of text. What they look like may change.
    pub fn detailed_status(&self, now: Timestamp) -> String {
        let mut text = String::new();
        // A string takes whatever is written.
        let _ = self.write_detail(now, &mut text);
        text
    }

    fn write_detail(&self, now: Timestamp, out: &mut String) -> fmt::Result {
        let status = self.status(now);
        self.write_state(out)?;
        writeln!(out, "    Current rates:")?;
        write_rates(out, &status)?;
        self.write_lanes(now, out)?;
        writeln!(out, "    Lifetime stats:")?;
        write_lifetime(out, &self.telemetry.link.lifetime(now))?;
        write_loss(out, status.loss)?;
        write_armour(out, status.armour)?;
        match self.telemetry.exchange.remote() {
            Some(remote) => write_remote(out, now, remote)?,
            None => writeln!(out, "    No rate stats received from remote host")?,
        }
        self.write_drops(out)
    }

    fn write_state(&self, out: &mut String) -> fmt::Result {
        if self.origin == Origin::InProcess {
            writeln!(
                out,
                "The peer is in this process: no packets, no encryption"
            )?;
        }
        write!(out, "End-to-end connection: ")?;
        let ended = match self.state() {
            ConnectionState::Connecting => return writeln!(out, "connecting"),
            ConnectionState::FindingRoute => return writeln!(out, "performing rendezvous"),
            ConnectionState::Connected => return writeln!(out, "connected"),
            ConnectionState::ClosedByPeer => "closed by remote host",
            ConnectionState::ProblemDetectedLocally => "closed due to problem detected locally",
            ConnectionState::None
            | ConnectionState::FinWait
            | ConnectionState::Linger
            | ConnectionState::Dead => "closed",
        };
        let (reason, text) = self.end_for_peer();
        writeln!(out, "{ended}, reason code {}.  ({text})", reason.code())
    }

    fn write_lanes(&self, now: Timestamp, out: &mut String) -> fmt::Result {
        let indices = (0..=u8::MAX).take(self.lanes()).map(LaneIndex::new);
        for (index, lane) in indices.filter_map(|i| Some((i, self.lane_status(now, i)?))) {
            write!(
                out,
                "        Lane {}: {} reliable and {} unreliable bytes wait, {} unacknowledged",
                index.get(),
                lane.pending_reliable_bytes,
                lane.pending_unreliable_bytes,
                lane.unacked_reliable_bytes,
            )?;
            match lane.queue_time {
                Some(wait) => writeln!(out, ", queue time {}", Millis(wait))?,
                None => writeln!(out)?,
            }
        }
        Ok(())
    }

    fn write_drops(&self, out: &mut String) -> fmt::Result {
        let drops = self.drops();
        writeln!(out, "    Dropped here: {}", drops.total())?;
        let reasons = DropReason::ALL.iter().copied();
        for reason in reasons.filter(|reason| drops.of(*reason) > 0) {
            writeln!(out, "        {}: {}", reason.name(), drops.of(reason))?;
        }
        Ok(())
    }
}

fn write_rates(out: &mut String, status: &RealTimeStatus) -> fmt::Result {
    let kib = |bytes: f32| bytes / 1024.0;
    writeln!(
        out,
        "        Sent:{:6.1} pkts/sec{:6.1} K/sec",
        status.out_packets_per_sec,
        kib(status.out_bytes_per_sec)
    )?;
    writeln!(
        out,
        "        Recv:{:6.1} pkts/sec{:6.1} K/sec",
        status.in_packets_per_sec,
        kib(status.in_bytes_per_sec)
    )?;
    writeln!(
        out,
        "        Ping:{}ms    Max latency variance: {}ms",
        Known(status.ping_ms),
        Known(status.max_jitter_us.map(|us| us as f32 / 1000.0))
    )?;
    writeln!(
        out,
        "        Quality:{}% (as seen by remote host:{}%)",
        Known(status.quality_local.map(percent)),
        Known(status.quality_remote.map(percent))
    )?;
    if let Some(rate) = status.send_rate_bytes_per_sec {
        let rate = rate as f32 / 1024.0;
        writeln!(out, "        Est avail bandwidth: {rate:.1}KB/s")?;
    }
    let buffered = status
        .pending_reliable_bytes
        .saturating_add(status.pending_unreliable_bytes);
    writeln!(out, "        Bytes buffered: {buffered}")
}

fn write_lifetime(out: &mut String, stats: &pb::LifetimeStats) -> fmt::Result {
    writeln!(
        out,
        "        Connected for {} s",
        stats.connected_seconds.unwrap_or(0)
    )?;
    writeln!(out, "        Totals")?;
    let count = |value: Option<u64>| value.unwrap_or(0);
    for (name, packets, kib) in [
        ("Sent", stats.packets_sent, stats.kb_sent),
        ("Recv", stats.packets_recv, stats.kb_recv),
    ] {
        let (packets, kib) = (count(packets), count(kib));
        writeln!(out, "            {name}:{packets:11} pkts {kib:11} KiB")?;
    }
    let sequenced = count(stats.packets_recv_sequenced);
    writeln!(out, "            Recv w seq:{sequenced:11} pkts")?;
    for (name, packets) in [
        ("Dropped   ", stats.packets_recv_dropped),
        ("OutOfOrder", stats.packets_recv_out_of_order),
        ("OOOFixed  ", stats.packets_recv_out_of_order_corrected),
        ("Duplicate ", stats.packets_recv_duplicate),
        ("SeqLurch  ", stats.packets_recv_lurch),
    ] {
        let packets = count(packets);
        let share = packets as f32 * 100.0 / sequenced.max(1) as f32;
        writeln!(out, "            {name}:{packets:11} pkts{share:7.2}%")?;
    }
    write_histograms(out, stats)
}

fn write_loss(out: &mut String, loss: LossStats) -> fmt::Result {
    writeln!(
        out,
        "        Lost: {} packets, {} more came late; {} bytes sent again; {} timeouts",
        loss.packets.saturating_sub(loss.undone),
        loss.undone,
        loss.resent_bytes,
        loss.timeouts
    )
}

fn write_armour(out: &mut String, armour: ArmourStats) -> fmt::Result {
    writeln!(
        out,
        "        Sent again in case of loss: {} segments, {} bytes; {} packets for nothing else",
        armour.segments, armour.bytes, armour.packets
    )
}

fn write_histograms(out: &mut String, stats: &pb::LifetimeStats) -> fmt::Result {
    let ping = [
        ("0-25", stats.ping_histogram_25),
        ("25-50", stats.ping_histogram_50),
        ("50-75", stats.ping_histogram_75),
        ("75-100", stats.ping_histogram_100),
        ("100-125", stats.ping_histogram_125),
        ("125-150", stats.ping_histogram_150),
        ("150-200", stats.ping_histogram_200),
        ("200-300", stats.ping_histogram_300),
        ("300+", stats.ping_histogram_max),
    ];
    write_histogram(out, "Ping histogram", &ping)?;
    let ntiles = [
        ("5%", stats.ping_ntile_5th),
        ("50%", stats.ping_ntile_50th),
        ("75%", stats.ping_ntile_75th),
        ("95%", stats.ping_ntile_95th),
        ("98%", stats.ping_ntile_98th),
    ];
    write_ntiles(out, "Ping distribution", "ms", &ntiles)?;
    let quality = [
        ("perfect", stats.quality_histogram_100),
        ("99+", stats.quality_histogram_99),
        ("97-99", stats.quality_histogram_97),
        ("95-97", stats.quality_histogram_95),
        ("90-95", stats.quality_histogram_90),
        ("75-90", stats.quality_histogram_75),
        ("50-75", stats.quality_histogram_50),
        ("<50", stats.quality_histogram_1),
        ("dead", stats.quality_histogram_dead),
    ];
    write_histogram(out, "Connection quality histogram", &quality)?;
    let ntiles = [
        ("50%", stats.quality_ntile_50th),
        ("25%", stats.quality_ntile_25th),
        ("5%", stats.quality_ntile_5th),
        ("2%", stats.quality_ntile_2nd),
    ];
    write_ntiles(out, "Connection quality distribution", "%", &ntiles)?;
    let jitter = [
        ("<1", stats.jitter_histogram_negligible),
        ("1-2", stats.jitter_histogram_1),
        ("2-5", stats.jitter_histogram_2),
        ("5-10", stats.jitter_histogram_5),
        ("10-20", stats.jitter_histogram_10),
        (">20", stats.jitter_histogram_20),
    ];
    write_histogram(out, "Latency variance histogram", &jitter)
}

type Buckets<'a> = [(&'a str, Option<u32>)];

fn write_histogram(out: &mut String, title: &str, buckets: &Buckets<'_>) -> fmt::Result {
    let counts = || buckets.iter().map(|(_, count)| count.unwrap_or(0));
    let total: u64 = counts().map(u64::from).sum();
    if total == 0 {
        return writeln!(out, "        {title} not available");
    }
    write!(out, "        {title}: ({total} total samples)\n        ")?;
    buckets
        .iter()
        .try_for_each(|(name, _)| write!(out, "{name:>9}"))?;
    write!(out, "\n        ")?;
    counts().try_for_each(|count| write!(out, "{count:9}"))?;
    write!(out, "\n        ")?;
    let share = |count: u32| count as f32 * 100.0 / total as f32;
    counts().try_for_each(|count| write!(out, "{:8.1}%", share(count)))?;
    writeln!(out)
}

/// Those of which there are samples enough.
fn write_ntiles(out: &mut String, title: &str, unit: &str, ntiles: &Buckets<'_>) -> fmt::Result {
    let mut known = ntiles
        .iter()
        .filter_map(|(name, value)| Some((name, (*value)?)));
    let Some((name, value)) = known.next() else {
        return Ok(());
    };
    write!(out, "        {title}: {name} {value}{unit}")?;
    known.try_for_each(|(name, value)| write!(out, ", {name} {value}{unit}"))?;
    writeln!(out)
}

fn write_remote(out: &mut String, now: Timestamp, remote: &RemoteStats) -> fmt::Result {
    let age = now.since(remote.received_at).as_micros() as f32 / 1e6;
    writeln!(
        out,
        "    Rate stats received from remote host {age:.1}s ago:"
    )?;
    let (sent, received) = (remote.out_packets_per_s_x10, remote.in_packets_per_s_x10);
    for (name, packets_x10, bytes) in [
        ("Sent", sent, remote.out_bytes_per_s),
        ("Recv", received, remote.in_bytes_per_s),
    ] {
        let (packets, kib) = (packets_x10 as f32 / 10.0, bytes as f32 / 1024.0);
        writeln!(out, "        {name}:{packets:6.1} pkts/sec{kib:6.1} K/sec")?;
    }
    writeln!(
        out,
        "        Ping:{}ms    Max latency variance: {}ms",
        Known(remote.ping_ms),
        Known(remote.peak_jitter_us.map(|us| us as f32 / 1000.0))
    )?;
    writeln!(
        out,
        "        Quality:{}%  (Dropped:{}%  WeirdSeq:{}%)",
        Known(remote.quality().map(percent)),
        Known(remote.dropped_pct),
        Known(remote.weird_pct)
    )
}

fn percent(share: f32) -> f32 {
    share * 100.0
}

/// A value, or question marks where it was not measured.
struct Known<T>(Option<T>);

impl<T: fmt::Display> fmt::Display for Known<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(value) => write!(f, "{value}"),
            None => f.write_str("???"),
        }
    }
}

/// A span in milliseconds with one digit behind the point.
struct Millis(Span);

impl fmt::Display for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.1} ms", self.0.as_micros() as f32 / 1000.0)
    }
}
