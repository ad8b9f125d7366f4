//! What the operator has decided.

use bowline_core::cert::authority::KeyId;
use bowline_core::identity::Identity;
use bowline_core::ids::AppId;
use bowline_core::time::Span;

use super::Case;
use crate::hub::Block;
use crate::limits::RESUME_LIFETIME_SECS;
use crate::store::Clock;
use crate::store::Decisions;
use crate::store::KeptBlock;
use crate::store::KeptKick;

fn identity(text: &str) -> Identity {
    text.parse().expect("an identity of a test")
}

fn unix_secs(case: &Case) -> u64 {
    case.clock.unix_micros() / 1_000_000
}

fn block(case: &Case, name: &str, secs: Option<u64>) -> KeptBlock {
    let now = unix_secs(case);
    KeptBlock {
        identity: identity(name),
        since_unix_secs: now,
        block: Block {
            until_unix_secs: secs.map(|secs| now + secs),
            text: format!("for {name}"),
        },
    }
}

fn decisions(case: &Case) -> Decisions {
    Decisions::new(case.store.clone())
}

/// From the beginning, by pages of so many.
fn listed(case: &Case, limit: usize) -> Vec<KeptBlock> {
    let (mut after, mut all) = (String::new(), Vec::new());
    loop {
        let page = decisions(case).blocks(&after, limit, unix_secs(case));
        let page = page.expect("asked");
        assert!(page.len() <= limit);
        match page.last() {
            Some((place, _)) => after = place.clone(),
            None => return all,
        }
        all.extend(page.into_iter().map(|(_, kept)| kept));
    }
}

pub(super) fn blocks_are_kept_until_they_end_or_are_forgotten(case: &Case) {
    let decisions = decisions(case);
    let longest = format!("unknown_kind_of:{}", "/".repeat(111));
    let names = [
        "str:a/b",
        "str:a=2Fb",
        "steamid:76561197960287930",
        longest.as_str(),
    ];
    for name in names {
        decisions
            .keep_block(&block(case, name, None))
            .expect("taken");
        assert_eq!(
            listed(case, 2)
                .iter()
                .filter(|kept| kept.identity == identity(name))
                .count(),
            1
        );
    }
    let short = block(case, "str:short", Some(60));
    decisions.keep_block(&short).expect("taken");
    assert_eq!(listed(case, 2).len(), 5);
    assert!(listed(case, 100).contains(&short));
    case.clock.advance(Span::from_secs(60));
    assert_eq!(listed(case, 100).len(), 4, "it has ended");
    let set_back = decisions.blocks("", 100, unix_secs(case) - 1);
    assert_eq!(set_back.map(|all| all.len()), Ok(5), "by a clock set back");
    // The later one counts.
    let longer = block(case, "str:a/b", Some(3600));
    decisions.keep_block(&longer).expect("taken");
    assert!(listed(case, 1).contains(&longer));
    for name in names {
        assert_eq!(decisions.forget_block(&identity(name)), Ok(true));
        assert_eq!(decisions.forget_block(&identity(name)), Ok(false));
    }
    assert_eq!(listed(case, 1), []);
}

pub(super) fn kicks_are_kept_as_long_as_they_matter(case: &Case) {
    let decisions = decisions(case);
    let kick = |name: &str, app, unix_us| KeptKick {
        identity: identity(name),
        app,
        unix_us,
    };
    let game = AppId::new(480);
    let [first, second] = [kick("str:anna", AppId::ANY, 1), kick("str:anna", game, 2)];
    for kick in [&first, &second] {
        decisions.keep_kick(kick).expect("taken");
    }
    assert_eq!(decisions.kicks(), Ok(vec![first, second.clone()]));
    let again = kick("str:anna", AppId::ANY, 3);
    decisions.keep_kick(&again).expect("taken");
    assert_eq!(decisions.kicks(), Ok(vec![second, again]));
    case.clock.advance(Span::from_secs(RESUME_LIFETIME_SECS));
    assert_eq!(decisions.kicks(), Ok(vec![]));
}

pub(super) fn revoked_keys_are_kept_until_they_are_forgotten(case: &Case) {
    let decisions = decisions(case);
    let [one, other] = [KeyId::new(0), KeyId::new(u64::MAX)];
    for id in [other, one, other] {
        decisions.keep_revoked(id).expect("taken");
    }
    assert_eq!(decisions.revoked(), Ok(vec![one, other]));
    assert_eq!(decisions.forget_revoked(other), Ok(true));
    assert_eq!(decisions.forget_revoked(other), Ok(false));
    assert_eq!(decisions.revoked(), Ok(vec![one]));
}
