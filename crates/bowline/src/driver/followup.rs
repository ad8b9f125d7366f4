//! What is left to do when a connection's lock is given up.

use std::sync::Arc;

use crate::driver::Inner;
use crate::driver::errands::Errands;
use crate::driver::held::Patience;
use crate::driver::lobby::Nudge;
use crate::driver::signals::Carrier;
use crate::driver::signals::Outgoing;
use crate::driver::slot::Slot;
use crate::recorder::Report;

/// What has to be done once the connection's lock is given up.
#[derive(Debug, Default)]
pub(crate) struct Followup {
    /// Connections have something to say to the endpoint, which waits in the post.
    pub(crate) has_post: bool,
    /// The client of a hub has something to look at.
    pub(crate) has_link_news: bool,
    /// Ends of pipes that have something for the other end. Hardly ever more than the first.
    pipe: Option<Arc<Slot>>,
    more_pipes: Vec<Arc<Slot>>,
    /// What connections recorded that ended as they should not.
    pub(crate) reports: Vec<Report>,
    /// What the endpoint wants done for connections between peers.
    pub(crate) errands: Errands,
    /// What connections have to signal to their peers.
    pub(crate) signals: Vec<Outgoing>,
    /// What carried the signals of connections that need it no more: the application's, to be dropped.
    pub(crate) carriers: Vec<Carrier>,
    pub(crate) nudge: Nudge,
    /// What is left to do in other interfaces, to which pipes lead. Hardly ever more than one.
    abroad: Vec<(Arc<Inner>, Self)>,
    /// Whether whoever does it may wait for connections' locks.
    pub(crate) patience: Patience,
}

impl Followup {
    /// What a thread that drives for all has to do.
    pub(crate) fn for_driver() -> Self {
        Self {
            patience: Patience::PutOff,
            ..Self::default()
        }
    }

    /// Notes that an end of a pipe has something for the other end.
    pub(crate) fn add_pipe(&mut self, slot: &Arc<Slot>) {
        if self.pipe.is_none() {
            self.pipe = Some(Arc::clone(slot));
        } else {
            self.more_pipes.push(Arc::clone(slot));
        }
    }

    /// What is left to do in the interface of `slot`; this one is of `home`.
    pub(crate) fn at(&mut self, home: &Inner, slot: &Slot) -> &mut Self {
        let theirs = &slot.inner;
        if std::ptr::eq(home, &raw const **theirs) {
            return self;
        }
        let mut known = self.abroad.iter();
        let index = known.position(|(inner, _)| Arc::ptr_eq(inner, theirs));
        let index = index.unwrap_or_else(|| {
            let patience = self.patience;
            let follow = Self {
                patience,
                ..Self::default()
            };
            self.abroad.push((Arc::clone(theirs), follow));
            self.abroad.len() - 1
        });
        &mut self.abroad[index].1
    }

    /// Takes over what ends of pipes in other interfaces have for the other end, so that it is done in one place.
    pub(crate) fn bring_pipes_home(&mut self) {
        let Self {
            pipe,
            more_pipes,
            abroad,
            ..
        } = self;
        for (_, follow) in abroad {
            more_pipes.extend(follow.pipe.take());
            more_pipes.append(&mut follow.more_pipes);
        }
        if pipe.is_none() {
            *pipe = more_pipes.pop();
        }
    }

    /// Takes what is left to do in other interfaces.
    pub(crate) fn take_abroad(&mut self) -> Vec<(Arc<Inner>, Self)> {
        std::mem::take(&mut self.abroad)
    }

    /// The next end that has something for the other one.
    pub(crate) fn next_pipe(&mut self) -> Option<Arc<Slot>> {
        self.pipe.take().or_else(|| self.more_pipes.pop())
    }
}
