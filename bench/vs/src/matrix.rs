//! What is compared: libraries, workloads, and what each library has opened for which.

use crate::Result;
use crate::options::Options;
use crate::peer::{enet, renet};

/// A library, or one of its settings that deserves a row of its own.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entrant {
    /// Its name in commands and results.
    pub(crate) name: &'static str,
    /// Its name in tables.
    pub(crate) title: &'static str,
    /// What plays its sides.
    pub(crate) player: Player,
    /// Options of its own.
    pub(crate) options: &'static str,
}

/// A program that plays the sides of a library.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Player {
    /// `bowline bench peer`.
    Bowline,
    /// This program, with the name of the library.
    This(&'static str),
}

/// What is done with a library.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Workload {
    /// Its name in commands and results.
    pub(crate) name: &'static str,
    /// Its name in tables.
    pub(crate) title: &'static str,
    /// What both sides are told.
    pub(crate) options: &'static str,
    /// What the proxy is told, if there is one.
    pub(crate) link: Option<&'static str>,
    /// The window, or the time that idle connections are held, is this many times as long as a run's `--secs`.
    pub(crate) stretch: f64,
    /// At most this many rounds, whatever `--repeat` says.
    pub(crate) most_rounds: u32,
    /// What the original's rate is set to, in bytes/s.
    pub(crate) original_rate: u32,
}

/// All libraries, in the order of tables.
pub(crate) const ENTRANTS: &[Entrant] = &[
    entrant("bowline", "Bowline", Player::Bowline, ""),
    entrant("gns", "GameNetworkingSockets", Player::This("gns"), ""),
    entrant("quinn", "quinn, Cubic", Player::This("quinn"), ""),
    entrant("quinn-bbr", "quinn, BBR", Player::This("quinn"), "--cc bbr"),
    entrant(
        "quinn-joined",
        "quinn, writes joined by the application",
        Player::This("quinn"),
        "--join 1",
    ),
    entrant("renet", "renet", Player::This("renet"), ""),
    entrant("enet", "ENet (not encrypted)", Player::This("enet"), ""),
    entrant("kcp", "KCP (not encrypted)", Player::This("kcp"), ""),
    entrant("raw", "UDP socket and AES-256-GCM", Player::This("raw"), ""),
];

const fn entrant(
    name: &'static str,
    title: &'static str,
    player: Player,
    options: &'static str,
) -> Entrant {
    Entrant {
        name,
        title,
        player,
        options,
    }
}

// Delay is that of one direction; loss and rate hold for each.
const LINK_A: Option<&str> = Some("--delay-ms 25 --loss 5");
const LINK_B: Option<&str> = Some("--delay-ms 40 --loss 1 --rate-mbit 10 --queue-kb 64");
const LINK_C: Option<&str> = Some("--delay-ms 75 --loss 20");

/// All workloads, in the order of tables.
pub(crate) const WORKLOADS: &[Workload] = &[
    local(
        "bulk",
        "Reliable messages of 64 KiB",
        "--workload flood --reliable 1 --size 65536",
        100_000_000,
    ),
    local(
        "small-rel",
        "Reliable messages of 100 B",
        "--workload flood --reliable 1 --size 100",
        100_000_000,
    ),
    local(
        "small-unrel",
        "Unreliable messages of 100 B",
        "--workload flood --reliable 0 --size 100",
        100_000_000,
    ),
    local(
        "mid-unrel",
        "Unreliable messages of 1100 B",
        "--workload flood --reliable 0 --size 1100",
        100_000_000,
    ),
    local(
        "ping",
        "Reliable ping of 64 B, waiting in the system",
        "--workload ping --size 64",
        0,
    ),
    local(
        "ping-busy",
        "Reliable ping of 64 B, polling all the time",
        "--workload ping --size 64 --drive busy",
        0,
    ),
    local(
        "connect",
        "Connections, 64 at a time",
        "--workload connect --inflight 64 --clients 1024",
        0,
    ),
    idle(
        "idle",
        "1000 idle connections",
        "--workload idle --clients 1000",
    ),
    idle(
        "idle-many",
        "5000 idle connections",
        "--workload idle --clients 5000",
    ),
    local(
        "game",
        "A game: 200 clients at 30 Hz",
        "--workload paced --clients 200 --up-unrel 30x200 --up-rel 1x1024 --down-unrel 30x600 --down-rel 1x1024",
        4_000_000,
    ),
    linked(
        "lossy-a",
        "5 % loss, RTT 50 ms: reliable bulk",
        BULK,
        LINK_A,
        4_000_000,
    ),
    linked(
        "lossy-a-msgs",
        "5 % loss, RTT 50 ms: 200 B at 30 Hz, reliable",
        STEADY,
        LINK_A,
        1_000_000,
    ),
    linked(
        "lossy-b",
        "1 % loss, RTT 80 ms, 10 Mbit/s, queue of 64 KiB: reliable bulk",
        BULK,
        LINK_B,
        1_150_000,
    ),
    linked(
        "lossy-b-stream",
        "The same with 30 Hz of unreliable 200 B beside it",
        BULK_AND_STREAM,
        LINK_B,
        1_150_000,
    ),
    linked(
        "lossy-c",
        "20 % loss, RTT 150 ms: reliable bulk",
        BULK,
        LINK_C,
        1_000_000,
    ),
    linked(
        "lossy-c-msgs",
        "20 % loss, RTT 150 ms: 200 B at 30 Hz, reliable",
        STEADY,
        LINK_C,
        1_000_000,
    ),
];

const BULK: &str = "--workload flood --reliable 1 --size 4096";
const BULK_AND_STREAM: &str = "--workload flood --reliable 1 --size 4096 --stream 30x200";
const STEADY: &str = "--workload paced --clients 16 --up-rel 30x200";

const fn local(
    name: &'static str,
    title: &'static str,
    options: &'static str,
    original_rate: u32,
) -> Workload {
    Workload {
        name,
        title,
        options,
        link: None,
        stretch: 1.0,
        most_rounds: u32::MAX,
        original_rate,
    }
}

/// Held long enough for a keepalive of each connection in the half that is measured.
const fn idle(name: &'static str, title: &'static str, options: &'static str) -> Workload {
    Workload {
        name,
        title,
        options,
        link: None,
        stretch: 10.0,
        most_rounds: 1,
        original_rate: 0,
    }
}

/// Behind the proxy, where a controller needs time: one long window instead of several short ones.
const fn linked(
    name: &'static str,
    title: &'static str,
    options: &'static str,
    link: Option<&'static str>,
    original_rate: u32,
) -> Workload {
    Workload {
        name,
        title,
        options,
        link,
        stretch: 5.0,
        most_rounds: 1,
        original_rate,
    }
}

/// The workload's options with those of the entrant, for a run of `secs`.
pub(crate) fn options(entrant: &Entrant, workload: &Workload, secs: f64) -> Result<Options> {
    let words = format!("{} {}", workload.options, entrant.options);
    let mut options = Options::parse(&words.split_whitespace().collect::<Vec<_>>())?;
    options.set("secs", secs * workload.stretch);
    options.set("hold", secs * workload.stretch);
    if let Some(link) = workload.link {
        options.set("link", link.replace(' ', "_"));
    }
    if workload.original_rate > 0 {
        options.set("rate", workload.original_rate);
    }
    Ok(options)
}

/// Why an entrant does not run a workload, if it does not.
pub(crate) fn skipped(entrant: &Entrant, options: &Options) -> Result<Option<&'static str>> {
    let workload = options.text("workload").unwrap_or_default();
    let clients: usize = options.or("clients", 1)?;
    let is_flood = workload == "flood";
    let is_unreliable = options.text("reliable") == Some("0");
    let reason = match entrant.name {
        "renet" if clients > renet::MOST_CLIENTS => Some("at most 1024 clients"),
        "enet" if clients > enet::MOST_PEERS => Some("at most 4095 peers"),
        "kcp" if matches!(workload, "connect" | "idle") => Some("no connections"),
        "kcp" if is_unreliable || options.rate("up-unrel")?.is_some() => Some("nothing unreliable"),
        "kcp" if options.rate("stream")?.is_some() => Some("nothing unreliable"),
        "raw" if workload == "ping" || (is_flood && is_unreliable) => None,
        "raw" => Some("no connections, nothing reliable"),
        "quinn-joined" if !is_flood || is_unreliable => Some("as quinn"),
        "quinn-joined" if options.text("link").is_some() => Some("as quinn"),
        "quinn-bbr" if !matches!(workload, "flood" | "paced") => Some("as quinn"),
        _ => None,
    };
    Ok(reason)
}

/// Whether an entrant runs a workload with everything at its default, too: where it has opened something, and
/// behind the proxy, where windows are long, only those that share their configuration values.
pub(crate) fn runs_at_defaults(entrant: &Entrant, workload: &Workload) -> bool {
    let shares_values = matches!(entrant.player, Player::Bowline | Player::This("gns"));
    !opened(entrant, workload).is_empty() && (shares_values || workload.link.is_none())
}

/// The values that Bowline and the original have in common, with their defaults.
const RECV_BUFFERS: &str = "`RecvBufferSize` 16 MiB (1 MiB), `RecvBufferMessages` 262,144 (1000)";
const SEND_BUFFER: &str = "`SendBufferSize` 8 MiB (512 KiB)";

/// What of an entrant's configuration is not at its default, in words; empty if all is. Where it has names
/// for its values, they are given, with the default in parentheses.
pub(crate) fn opened(entrant: &Entrant, workload: &Workload) -> String {
    let is = |word: &str| workload.options.contains(word);
    let mut opened: Vec<String> = Vec::new();
    match entrant.player {
        Player::Bowline if is("flood") => opened.push(RECV_BUFFERS.into()),
        Player::Bowline if is("down-unrel") => {
            opened.push("`NagleTime` of the server 0 (5 ms)".into());
        }
        Player::Bowline => {}
        Player::This("gns") => {
            opened.extend([SEND_BUFFER.into(), RECV_BUFFERS.into()]);
            if workload.original_rate > 0 {
                let rate = f64::from(workload.original_rate) / 1e6;
                opened.push(format!(
                    "`SendRateMin` and `SendRateMax` {rate} MB/s (256 KiB/s)"
                ));
            }
        }
        Player::This(library) => {
            opened.push("socket buffers 2 MiB".into());
            match library {
                "quinn" if workload.link.is_some() => opened.push("windows 64 MiB".into()),
                "kcp" => opened.push(
                    "nodelay 1, interval 10 ms, resend 2, no congestion control, windows 1024"
                        .into(),
                ),
                "renet" if is("flood") => opened.push("1 MB per tick".into()),
                _ => {}
            }
        }
    }
    opened.join("; ")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_unique_and_options_are_readable() {
        let names: BTreeSet<_> = ENTRANTS.iter().map(|it| it.name).collect();
        assert_eq!(names.len(), ENTRANTS.len());
        let names: BTreeSet<_> = WORKLOADS.iter().map(|it| it.name).collect();
        assert_eq!(names.len(), WORKLOADS.len());
        for entrant in ENTRANTS {
            for workload in WORKLOADS {
                let options = options(entrant, workload, 0.5).unwrap();
                assert!(options.text("workload").is_some() && options.window().is_ok());
                for rate in ["up-rel", "up-unrel", "down-rel", "down-unrel", "stream"] {
                    options.rate(rate).unwrap();
                }
                skipped(entrant, &options).unwrap();
            }
        }
    }

    #[test]
    fn bowline_and_the_original_run_everything() {
        for entrant in ENTRANTS
            .iter()
            .filter(|it| ["bowline", "gns"].contains(&it.name))
        {
            for workload in WORKLOADS {
                let options = options(entrant, workload, 1.0).unwrap();
                assert_eq!(skipped(entrant, &options).unwrap(), None);
            }
        }
    }

    fn workload(name: &str) -> &'static Workload {
        WORKLOADS.iter().find(|it| it.name == name).unwrap()
    }

    #[test]
    fn defaults_are_run_where_they_differ_and_behind_the_proxy_by_two() {
        let runs = |name| {
            let runs = ENTRANTS
                .iter()
                .filter(|it| runs_at_defaults(it, workload(name)));
            runs.map(|it| it.name).collect::<Vec<_>>()
        };
        assert_eq!(runs("bulk").len(), ENTRANTS.len());
        assert_eq!(runs("ping").len(), ENTRANTS.len() - 1);
        assert_eq!(runs("lossy-a"), ["bowline", "gns"]);
        assert_eq!(runs("lossy-a-msgs"), ["gns"]);
    }

    #[test]
    fn what_is_opened_is_told() {
        assert_eq!(opened(&ENTRANTS[0], workload("ping")), "");
        let gns = opened(&ENTRANTS[1], workload("lossy-b"));
        assert!(
            gns.ends_with("`SendRateMin` and `SendRateMax` 1.15 MB/s (256 KiB/s)"),
            "{gns}"
        );
        let bowline = opened(&ENTRANTS[0], workload("lossy-a"));
        assert_eq!(bowline, RECV_BUFFERS, "no rate");
    }
}
