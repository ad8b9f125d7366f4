//! Random calls against a model that a reader can check at a glance.

use alloc::collections::BTreeMap;
use alloc::collections::VecDeque;
use alloc::format;

use proptest::prelude::*;

use super::*;

#[derive(Clone, Copy, Debug)]
enum Call {
    Send {
        peer: u8,
        channel: i32,
        restart: bool,
    },
    Ask {
        peer: u8,
    },
    Accept {
        peer: u8,
    },
    Connect {
        peer: u8,
    },
    End {
        peer: u8,
        quiet: bool,
    },
    Deliver {
        peer: u8,
        channel: i32,
    },
    Receive {
        channel: i32,
    },
    Close {
        peer: u8,
    },
    CloseChannel {
        peer: u8,
        channel: i32,
    },
    Wait {
        secs: u64,
    },
}

fn calls() -> impl Strategy<Value = Call> {
    let peer = || 0u8..4;
    let channel = || 0i32..3;
    prop_oneof![
        (peer(), channel(), any::<bool>()).prop_map(|(peer, channel, restart)| Call::Send {
            peer,
            channel,
            restart
        }),
        peer().prop_map(|peer| Call::Ask { peer }),
        peer().prop_map(|peer| Call::Accept { peer }),
        peer().prop_map(|peer| Call::Connect { peer }),
        (peer(), any::<bool>()).prop_map(|(peer, quiet)| Call::End { peer, quiet }),
        (peer(), channel()).prop_map(|(peer, channel)| Call::Deliver { peer, channel }),
        (peer(), channel()).prop_map(|(peer, channel)| Call::Deliver { peer, channel }),
        channel().prop_map(|channel| Call::Receive { channel }),
        peer().prop_map(|peer| Call::Close { peer }),
        (peer(), channel()).prop_map(|(peer, channel)| Call::CloseChannel { peer, channel }),
        (0u64..500).prop_map(|secs| Call::Wait { secs }),
    ]
}

/// How a session stands, in the model.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Stands {
    None,
    Asked(u32),
    Active(u32, bool),
    Failed,
}

#[derive(Debug, Default)]
struct Model {
    sessions: BTreeMap<u8, Known>,
    /// Sender and number of each message, by channel.
    unread: BTreeMap<i32, VecDeque<(u8, u32)>>,
    /// The last number of a connection, or of a message.
    last: u32,
}

#[derive(Debug)]
struct Known {
    stands: Stands,
    used_at: Timestamp,
    open: Vec<i32>,
}

impl Model {
    fn link(&self, peer: u8) -> Option<u32> {
        match self.sessions.get(&peer)?.stands {
            Stands::Asked(link) | Stands::Active(link, _) => Some(link),
            Stands::None | Stands::Failed => None,
        }
    }

    fn put(&mut self, now: Timestamp, peer: u8, stands: Stands) {
        let known = self.sessions.entry(peer).or_insert(Known {
            stands,
            used_at: now,
            open: Vec::new(),
        });
        known.stands = stands;
        known.used_at = now;
    }

    fn has_unread(&self, peer: u8) -> bool {
        self.unread
            .values()
            .flatten()
            .any(|(sender, _)| *sender == peer)
    }

    fn forget(&mut self, peer: u8) {
        self.sessions.remove(&peer);
        for queue in self.unread.values_mut() {
            queue.retain(|(sender, _)| *sender != peer);
        }
    }

    fn fresh(&mut self) -> u32 {
        self.last += 1;
        self.last
    }
}

fn name(index: u8) -> Identity {
    peer(&format!("peer {index}"))
}

fn id(link: u32) -> ConnectionId {
    ConnectionId::new(link)
}

struct World {
    now: Timestamp,
    table: Table,
    model: Model,
}

impl World {
    fn play(&mut self, call: Call) {
        let now = self.now;
        match call {
            Call::Send {
                peer,
                channel,
                restart,
            } => self.send(peer, channel, restart),
            Call::Ask { peer } => {
                let link = self.model.fresh();
                let asked = self.table.asked(now, &name(peer), id(link));
                assert_eq!(asked.is_ok(), self.model.link(peer).is_none());
                if asked.is_ok() {
                    self.model.put(now, peer, Stands::Asked(link));
                    let told = Some(SessionEvent::Requested(Arc::new(name(peer))));
                    assert_eq!(self.table.poll_event(), told);
                }
            }
            Call::Accept { peer } => {
                let expected = self.model.link(peer).map(|link| {
                    let stands = self.model.sessions[&peer].stands;
                    matches!(stands, Stands::Asked(_)).then_some(id(link))
                });
                let accepted = self.table.accept(now, &name(peer));
                assert_eq!(accepted.ok(), expected);
                if let Some(link) = self.model.link(peer) {
                    let stood =
                        matches!(self.model.sessions[&peer].stands, Stands::Active(_, true));
                    self.model.put(now, peer, Stands::Active(link, stood));
                }
            }
            Call::Connect { peer } => {
                if let Some(link) = self.model.link(peer) {
                    self.table.connected(now, id(link));
                    self.model.put(now, peer, Stands::Active(link, true));
                }
            }
            Call::End { peer, quiet } => self.end(peer, quiet),
            Call::Deliver { peer, channel } => {
                if let Some(link) = self.model.link(peer) {
                    let number = self.model.fresh();
                    let message = on_channel(channel, &number.to_le_bytes());
                    self.table.deliver(now, id(link), message).unwrap();
                    let queue = self.model.unread.entry(channel).or_default();
                    queue.push_back((peer, number));
                    let known = self.model.sessions.get_mut(&peer).unwrap();
                    known.used_at = now;
                    known.open.retain(|open| *open != channel);
                    known.open.push(channel);
                }
            }
            Call::Receive { channel } => {
                let queue = self.model.unread.get_mut(&channel);
                let expected = queue.and_then(VecDeque::pop_front);
                let read = self.table.receive(channel).map(|read| read.message);
                let read = read.map(|read| (Identity::clone(&read.peer), read.message.to_vec()));
                let expected =
                    expected.map(|(peer, number)| (name(peer), number.to_le_bytes().to_vec()));
                assert_eq!(read, expected);
            }
            Call::Close { peer } => {
                let link = self.model.link(peer).map(id);
                let expected = self.model.sessions.contains_key(&peer).then_some(link);
                assert_eq!(self.table.close(&name(peer)).ok(), expected);
                self.model.forget(peer);
            }
            Call::CloseChannel { peer, channel } => self.close_channel(peer, channel),
            Call::Wait { secs } => self.wait(secs),
        }
    }

    fn send(&mut self, peer: u8, channel: i32, restart: bool) {
        let stands = self.model.sessions.get(&peer).map(|known| known.stands);
        let plan = self.table.plan_send(self.now, &name(peer), restart);
        let expected = match stands {
            None | Some(Stands::None) => Ok(SendPlan::Connect),
            Some(Stands::Failed) if restart || !self.profile().stays_broken => {
                Ok(SendPlan::Connect)
            }
            Some(Stands::Failed) => Err(PlanError::Broken),
            Some(Stands::Asked(link)) => Ok(SendPlan::Accept(id(link))),
            Some(Stands::Active(link, _)) => Ok(SendPlan::Over(id(link))),
        };
        assert_eq!(plan, expected);
        let stands = match (plan, stands) {
            (Err(_), _) => return,
            (Ok(SendPlan::Connect), _) => {
                let link = self.model.fresh();
                self.table.began(self.now, &name(peer), id(link));
                Stands::Active(link, false)
            }
            (Ok(SendPlan::Accept(link)), _) => Stands::Active(link.get(), false),
            (Ok(SendPlan::Over(_)), stands) => stands.unwrap(),
        };
        self.model.put(self.now, peer, stands);
        self.table.sent(&name(peer), channel);
        let known = self.model.sessions.get_mut(&peer).unwrap();
        if self.table.profile().opens_by_sending && !known.open.contains(&channel) {
            known.open.push(channel);
        }
    }

    fn profile(&self) -> Profile {
        *self.table.profile()
    }

    fn end(&mut self, peer: u8, quiet: bool) {
        let Some(link) = self.model.link(peer) else {
            return;
        };
        self.table.ended(self.now, id(link), quiet, link);
        let after = match self.model.sessions[&peer].stands {
            Stands::Asked(_) => None,
            Stands::Active(_, stood) if stood && quiet => Some(Stands::None),
            _ => Some(Stands::Failed),
        };
        let told = (after == Some(Stands::Failed)).then_some(SessionEvent::Failed(link));
        assert_eq!(self.table.poll_event(), told);
        match after {
            Some(after) => self.model.put(self.now, peer, after),
            None if self.model.has_unread(peer) => {
                self.model.sessions.get_mut(&peer).unwrap().stands = Stands::None;
            }
            None => self.model.forget(peer),
        }
    }

    fn close_channel(&mut self, peer: u8, channel: i32) {
        let link = self.model.link(peer).map(id);
        let closed = self.table.close_channel(&name(peer), channel);
        let known = self.model.sessions.get_mut(&peer);
        let Some(known) = known.filter(|known| known.open.contains(&channel)) else {
            assert_eq!(closed, Err(NoSession));
            return;
        };
        known.open.retain(|open| *open != channel);
        if known.open.is_empty() {
            assert_eq!(closed, Ok(ClosedChannel::Session(link)));
            return self.model.forget(peer);
        }
        assert_eq!(closed, Ok(ClosedChannel::Only { resume: None }));
        if let Some(queue) = self.model.unread.get_mut(&channel) {
            queue.retain(|(sender, _)| *sender != peer);
        }
    }

    /// Time passes as for a driver that comes when it was asked to.
    fn wait(&mut self, secs: u64) {
        let end = self.now + Span::from_secs(secs);
        while let Some(at) = self.table.poll_timeout()
            && at <= end
        {
            self.now = self.now.max(at);
            self.table.handle_timeout(self.now);
            while let Some(request) = self.table.poll_request() {
                if let SessionRequest::CheckIdle(link) = request {
                    self.table.idle_answer(self.now, link, true);
                }
            }
            while let Some(event) = self.table.poll_event() {
                assert!(matches!(event, SessionEvent::Requested(_)));
            }
        }
        self.now = end;
        // Not exactly then: all are looked at together.
        let idle = self.profile().idle;
        let grace = idle + Span::from_secs(1);
        let sessions = self.model.sessions.iter();
        let gone = sessions.filter(|(peer, _)| self.table.standing(&name(**peer)).is_none());
        let gone = gone
            .map(|(peer, known)| (*peer, known.used_at))
            .collect::<Vec<_>>();
        for (peer, used_at) in gone {
            assert!(end >= used_at + idle);
            self.model.forget(peer);
        }
        for known in self.model.sessions.values() {
            let is_asked = matches!(known.stands, Stands::Asked(_));
            assert!(is_asked || end <= known.used_at + grace);
        }
    }

    fn check(&self) {
        assert_eq!(self.table.len(), self.model.sessions.len());
        let unread: usize = self.model.unread.values().map(VecDeque::len).sum();
        assert_eq!(self.table.unread(), unread);
        for (peer, known) in &self.model.sessions {
            let stands = match self.table.standing(&name(*peer)).unwrap() {
                Standing::Unconnected => None,
                Standing::Over(link) => Some(Some(link)),
                Standing::Failed(_) => Some(None),
            };
            let expected = match known.stands {
                Stands::None => None,
                Stands::Failed => Some(None),
                Stands::Asked(link) | Stands::Active(link, _) => Some(Some(id(link))),
            };
            assert_eq!(stands, expected);
        }
    }
}

proptest! {
    #[test]
    fn sessions_do_as_the_model(script in proptest::collection::vec(calls(), 1..120)) {
        let mut world = World { now: START, table: table(), model: Model::default() };
        for call in script {
            world.play(call);
            world.check();
        }
    }

    #[test]
    fn packets_do_as_the_model(script in proptest::collection::vec(calls(), 1..120)) {
        let mut world = World { now: START, table: legacy(), model: Model::default() };
        for call in script {
            world.play(call);
            world.check();
        }
    }
}
