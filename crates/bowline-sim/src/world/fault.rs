//! What goes wrong with hosts and between them: outages, pauses, crashes, moves, clocks that jump.

use std::net::IpAddr;

use bowline_core::endpoint::Endpoint;
use bowline_core::rng::Rng;
use bowline_core::time::{Span, Timestamp};

use crate::host::{HostId, Power};
use crate::network::Family;
use crate::world::World;

impl World {
    /// Takes both directions between two hosts down, or up again.
    pub fn set_connected(&mut self, a: HostId, b: HostId, is_up: bool) {
        self.set_connected_one_way(a, b, is_up);
        self.set_connected_one_way(b, a, is_up);
    }

    /// Takes one direction between two hosts down, or up again: a link on which one end talks to a
    /// wall without hearing so.
    pub fn set_connected_one_way(&mut self, from: HostId, to: HostId, is_up: bool) {
        let config = self.link(from, to);
        self.set_link(from, to, if is_up { config.up() } else { config.down() });
    }

    /// Switches a host off, as by a power cut: it sends nothing more, not even a goodbye.
    /// [`Self::restart`] switches it on again.
    pub fn kill(&mut self, host: HostId) {
        self.host_mut(host).switch_off();
        let name = self.name(host);
        self.tell(format!("{name} is switched off"));
    }

    /// Stops the process on a host, as a debugger or a busy machine does: no timer fires, nothing is
    /// read or sent. Up to 212,992 bytes wait in each socket, what goes beyond is lost and counted
    /// ([`Self::overflowed`]). What the scenario has the host send meanwhile leaves when it goes on.
    ///
    /// ```
    /// use bowline_sim::{HostConfig, SendFlags, Span, deterministic};
    ///
    /// deterministic(3, |world| {
    ///     let server = world.add_host("server", HostConfig::default());
    ///     let player = world.add_host("player", HostConfig::default());
    ///     let address = world.listen(server, 27015);
    ///     let (player, theirs) = world.connect_pair(player, address).unwrap();
    ///
    ///     world.pause(server);
    ///     world.send(player, SendFlags::RELIABLE, b"anybody there?").unwrap();
    ///     world.run_for(Span::from_secs(5));
    ///     assert!(world.receive(theirs).is_none());
    ///     world.resume(server);
    ///     assert!(world.receive(theirs).is_some());
    /// });
    /// ```
    pub fn pause(&mut self, host: HostId) {
        self.host_mut(host).pause();
        let name = self.name(host);
        self.note(format!("{name} is paused"));
    }

    /// Ends [`Self::pause`]: what waits in the sockets is handled first, then all that is due, as
    /// drivers do.
    pub fn resume(&mut self, host: HostId) {
        let (incoming, outgoing) = self.host_mut(host).resume();
        let name = self.name(host);
        let waiting = incoming.len();
        self.note(format!("{name} goes on, {waiting} datagrams wait"));
        for datagram in outgoing {
            self.send_datagram(host, datagram);
        }
        for datagram in incoming {
            self.arrive(host, datagram);
        }
        self.wake_now(host);
    }

    /// Kills the process on a host and starts it again: the same address and configuration, but a
    /// fresh endpoint with no connection, no open port and other keys. Nobody is told. Its connections
    /// are dead as of now, and it listens and dials only when asked to; its client ports are counted
    /// from the first one again.
    pub fn restart(&mut self, host: HostId) {
        let label = format!(
            "host {} restart {}",
            host.index(),
            self.host(host).restarts + 1
        );
        let seed = Rng::from_seed(self.seed).child(&label).bytes();
        let (crypto, now) = (self.crypto.clone(), self.now);
        self.host_mut(host).restart(crypto, seed, now);
        self.gns.retain(|conn, _| conn.host != host);
        let name = self.name(host);
        self.note(format!("{name} crashes and starts anew"));
    }

    /// Gives a host another address in its network, as when a phone goes from Wi-Fi to mobile, and
    /// returns it. Nobody has the old one any more: what is under way to it is lost. Sockets stay open.
    pub fn change_address(&mut self, host: HostId) -> IpAddr {
        let address = self.network.move_host(host);
        self.host_mut(host).address = address;
        let name = self.name(host);
        self.note(format!("{name} moves to {address}"));
        address
    }

    /// Gives a host one more address in its network, and returns it. Nothing uses it before
    /// [`Self::set_peer_ways`].
    pub fn add_address(&mut self, host: HostId, family: Family) -> IpAddr {
        let address = self.network.add_address(host, family);
        let name = self.name(host);
        self.note(format!("{name} gets the address {address}"));
        address
    }

    /// Takes an address away that [`Self::add_address`] gave, as when a cable is pulled. The host does not know
    /// before [`Self::set_peer_ways`]; what it sends from there is lost.
    pub fn cut_address(&mut self, host: HostId, address: IpAddr) {
        self.network.cut_address(host, address);
        let name = self.name(host);
        self.note(format!("{name} loses the address {address}"));
    }

    /// Has a host look at its interfaces: it has a socket for connections between peers on each of these
    /// addresses, which [`Self::add_address`] gave, and on no other.
    pub fn set_peer_ways(&mut self, host: HostId, addresses: &[IpAddr]) {
        self.touch(host, |host, now, out| host.set_ways(now, addresses, out));
        let name = self.name(host);
        self.note(format!("{name} finds its addresses to be {addresses:?}"));
    }

    /// Moves the monotonic clock of a host ahead, as when a machine slept and its clock did not. What
    /// is due by then happens at once. The calendar stays as it is.
    pub fn step_clock(&mut self, host: HostId, ahead: Span) {
        let now = self.now;
        self.host_mut(host).step_clock(now, ahead);
        let name = self.name(host);
        self.note(format!("the clock of {name} jumps {ahead} ahead"));
        self.wake_now(host);
    }

    /// Moves the monotonic clock of a host back, which should not be: the protocol is promised that
    /// time does not go back, and must not break where a machine breaks that promise. At most as far
    /// as the host's clock is ahead of the world's.
    pub fn step_clock_back(&mut self, host: HostId, back: Span) {
        let now = self.now;
        self.host_mut(host).step_clock_back(now, back);
        let name = self.name(host);
        self.note(format!("the clock of {name} jumps {back} back"));
        self.wake_now(host);
    }

    /// Moves the calendar of a host by so many seconds, ahead or back: somebody set the clock. It
    /// counts for certificates and nothing else.
    pub fn step_calendar(&mut self, host: HostId, secs: i64) {
        let now = self.now;
        self.host_mut(host).step_calendar(now, secs);
        let name = self.name(host);
        self.note(format!("the calendar of {name} jumps by {secs} s"));
        self.wake_now(host);
    }

    /// What the calendar of a host shows, in seconds since 1970.
    pub fn unix_secs(&self, host: HostId) -> u64 {
        self.host(host).unix_secs(self.now)
    }

    /// Does something with the endpoint of a host itself, such as giving it a certificate. The time is
    /// what the host's clock shows.
    pub fn with_endpoint<T>(
        &mut self,
        host: HostId,
        action: impl FnOnce(&mut Endpoint, Timestamp) -> T,
    ) -> T {
        self.touch(host, |host, now, _| host.with_endpoint(now, action))
    }

    /// Lets a host do what is due.
    fn wake_now(&mut self, host: HostId) {
        if let Power::On = self.host(host).power {
            self.touch(host, |host, now, out| host.wake(now, out));
        }
    }
}
