//! STUN servers of the network, for connections whose settings say nothing of any.

use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::endpoint::ways::Ways;
use crate::endpoint::ways::Wish;
use crate::limits;
use crate::stun::uri::ServerUri;
use crate::time::Timestamp;

impl Ways {
    /// They are these from now on, for connections that look for ways already, too: those that wait for the certificate
    /// began before the hub could name any.
    pub(in crate::endpoint) fn set_network_servers(
        &mut self,
        now: Timestamp,
        servers: &[ServerUri],
    ) {
        let servers = servers.get(..limits::MAX_SERVERS).unwrap_or(servers);
        if self.network_servers == servers {
            return;
        }
        self.network_servers = servers.to_vec();
        let followers = self.wishes.iter().filter(|(_, wish)| wish.follows_network);
        let mut followers: Vec<_> = followers.map(|(id, old)| (*id, Arc::clone(old))).collect();
        for (id, wish) in &mut followers {
            let changed = Wish {
                stun: servers.to_vec(),
                ..Wish::clone(wish)
            };
            *wish = self.share(changed);
            self.wishes.insert(*id, Arc::clone(wish));
        }
        for (_, wish) in &followers {
            self.look_up(now, wish);
        }
        self.gather(now, &followers);
    }
}
