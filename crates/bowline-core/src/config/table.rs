//! Every setting, one row each.
//!
//! Numbers, names, kinds, scopes, defaults and ranges are those of GNS e707b3a
//! (`steamnetworkingtypes.h`, `ESteamNetworkingConfigValue`; `csteamnetworkingsockets.cpp`, the
//! `DEFINE_..._CONFIGVAL` lines) where the open source has them; rows that wait for relays or for Steam's
//! client have defaults of ours.

use core::fmt;
use core::str::FromStr;

use crate::config::ConfigError;
use crate::config::spec::ConfigScope;
use crate::config::spec::ConfigSpec;
use crate::config::spec::Facts;
use crate::config::spec::WaitsFor;
use crate::limits;

/// The top of a rate in bytes per second, which stands for "no limit" as an upper bound.
pub(super) const MAX_RATE: i64 = 0x1000_0000;
/// The least rate in bytes per second, which stands for "no limit" as a lower bound.
pub(super) const MIN_RATE: i64 = 1024;

const MAX_I32: i64 = i32::MAX as i64;
const MIB: i64 = 1024 * 1024;
/// The top of what strangers may be allowed per second: more than any machine takes.
const MAX_PER_SEC: i64 = 10_000_000;

macro_rules! settings {
    ($($(#[doc = $doc:literal])+ $key:ident = $number:literal $name:literal $scope:ident $facts:expr;)+) => {
        /// A setting.
        ///
        /// ```
        /// use bowline_core::config::ConfigKey;
        ///
        /// let key: ConfigKey = "NagleTime".parse()?;
        /// assert_eq!(key, ConfigKey::NagleTime);
        /// assert_eq!(key.spec().facts.unit, "us");
        /// # Ok::<(), bowline_core::config::ConfigError>(())
        /// ```
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        #[non_exhaustive]
        #[repr(u8)]
        pub enum ConfigKey {
            $($(#[doc = $doc])+ $key,)+
        }

        /// The rows, in the order of the keys.
        pub(super) static SPECS: [ConfigSpec; COUNT] = [
            $(ConfigSpec {
                key: ConfigKey::$key,
                number: $number,
                name: $name,
                scope: ConfigScope::$scope,
                facts: $facts,
                doc: concat!($($doc),+).trim_ascii(),
            },)+
        ];

        /// Kind, default and range of each, for where a `static` cannot be read.
        pub(super) const FACTS: [Facts; COUNT] = [$($facts,)+];

        /// How many settings there are.
        pub(super) const COUNT: usize = [$(ConfigKey::$key,)+].len();
    };
}

settings! {
    /// Share of the packets to be sent that are thrown away.
    FakePacketLossSend = 2 "FakePacketLoss_Send" Global Facts::percent(0.0);
    /// Share of the received packets that are thrown away.
    FakePacketLossRecv = 3 "FakePacketLoss_Recv" Global Facts::percent(0.0);
    /// How long every packet is kept before it is sent.
    FakePacketLagSend = 4 "FakePacketLag_Send" Global Facts::int(0, 0, 5000).unit("ms");
    /// How long every received packet is kept before it is looked at.
    FakePacketLagRecv = 5 "FakePacketLag_Recv" Global Facts::int(0, 0, 5000).unit("ms");
    /// Share of the packets to be sent that are kept longer than others, so that those overtake.
    FakePacketReorderSend = 6 "FakePacketReorder_Send" Global Facts::percent(0.0);
    /// Share of the received packets that are kept longer than others.
    FakePacketReorderRecv = 7 "FakePacketReorder_Recv" Global Facts::percent(0.0);
    /// How much longer packets are kept that are to be overtaken.
    FakePacketReorderTime = 8 "FakePacketReorder_Time" Global Facts::int(15, 0, 5000).unit("ms");
    /// How many bytes of messages may wait to be sent; a message beyond is refused.
    SendBufferSize = 9 "SendBufferSize" Connection Facts::int(512 * 1024, 4096, MAX_RATE).unit("bytes");
    /// Never send slower than this. At its least value there is no such bound. If it equals `SendRateMax` the rate is fixed, as in GNS.
    SendRateMin = 10 "SendRateMin" Connection Facts::int(MIN_RATE, MIN_RATE, MAX_RATE).original(256 * 1024).unit("bytes/s");
    /// Never send faster than this. At its greatest value there is no such bound.
    SendRateMax = 11 "SendRateMax" Connection Facts::int(MAX_RATE, MIN_RATE, MAX_RATE).original(256 * 1024).unit("bytes/s");
    /// How long a small message waits for others to share a packet with.
    NagleTime = 12 "NagleTime" Connection Facts::int(5000, 0, 20_000).unit("us");
    /// Least important messages to log about acknowledgements and round-trip times.
    LogLevelAckRtt = 13 "LogLevel_AckRTT" Connection Facts::level();
    /// Least important messages to log about what is in packets.
    LogLevelPacketDecode = 14 "LogLevel_PacketDecode" Connection Facts::level();
    /// Least important messages to log about messages sent and received.
    LogLevelMessage = 15 "LogLevel_Message" Connection Facts::level();
    /// Least important messages to log about lost packets.
    LogLevelPacketGaps = 16 "LogLevel_PacketGaps" Connection Facts::level();
    /// Least important messages to log about how peers find each other.
    LogLevelP2pRendezvous = 17 "LogLevel_P2PRendezvous" Connection Facts::level();
    /// Least important messages to log about pings to relays.
    LogLevelSdrRelayPings = 18 "LogLevel_SDRRelayPings" Global Facts::level().waits_for(WaitsFor::Relays);
    /// After how many lost pings in a row a relay is given up that never answered.
    SdrClientPingTimeoutsFailInitial = 19 "SDRClient_ConsecutitivePingTimeoutsFailInitial" Global Facts::int(2, 0, 1000).unit("count").waits_for(WaitsFor::Relays);
    /// After how many lost pings in a row a relay is given up that did answer.
    SdrClientPingTimeoutsFail = 20 "SDRClient_ConsecutitivePingTimeoutsFail" Global Facts::int(10, 0, 1000).unit("count").waits_for(WaitsFor::Relays);
    /// How many pings it takes until a relay's ping is believed.
    SdrClientMinPings = 21 "SDRClient_MinPingsBeforePingAccurate" Global Facts::int(5, 1, 1000).unit("count").waits_for(WaitsFor::Relays);
    /// One UDP socket for all relays.
    SdrClientSingleSocket = 22 "SDRClient_SingleSocket" Global Facts::int(0, 0, 1).waits_for(WaitsFor::Relays);
    /// Peers without a trusted certificate: 0 refuse, 1 allow and log, 2 allow.
    IpAllowWithoutAuth = 23 "IP_AllowWithoutAuth" Connection Facts::int(2, 0, 2).dev();
    /// How long connecting may take, the peer's decision included.
    TimeoutInitial = 24 "TimeoutInitial" Connection Facts::int(10_000, 0, MAX_I32).unit("ms");
    /// How long a connected peer may be silent.
    TimeoutConnected = 25 "TimeoutConnected" Connection Facts::int(10_000, 0, MAX_I32).unit("ms");
    /// Share of the packets that are sent twice.
    FakePacketDupSend = 26 "FakePacketDup_Send" Global Facts::percent(0.0);
    /// Share of the received packets that are looked at twice.
    FakePacketDupRecv = 27 "FakePacketDup_Recv" Global Facts::percent(0.0);
    /// The second copy of a packet comes up to this much later.
    FakePacketDupTimeMax = 28 "FakePacketDup_TimeMax" Global Facts::int(10, 0, 5000).unit("ms");
    /// Use relays of this data center only.
    SdrClientForceRelayCluster = 29 "SDRClient_ForceRelayCluster" Global Facts::text().waits_for(WaitsFor::Relays);
    /// A ticket for hosted servers under development.
    SdrClientDevTicket = 30 "SDRClient_DevTicket" Connection Facts::text().waits_for(WaitsFor::Relays);
    /// Use these relays instead of those of the network's configuration.
    SdrClientForceProxyAddr = 31 "SDRClient_ForceProxyAddr" Global Facts::text().waits_for(WaitsFor::Relays);
    /// The largest UDP payload to send.
    MtuPacketSize = 32 "MTU_PacketSize" Connection Facts::int(1300, 200, 1300).unit("bytes");
    /// The largest message that surely fits a packet: `MTU_PacketSize` less 100.
    MtuDataSize = 33 "MTU_DataSize" Connection Facts::int(1200, 100, 1200).unit("bytes").read_only();
    /// Packets without encryption: 0 never, 1 if the peer insists, 2 unless the peer insists, 3 always.
    Unencrypted = 34 "Unencrypted" Connection Facts::int(0, 0, 3).dev().before_connecting();
    /// Pings to pretend for data centers, like `sto=32,iad=100`.
    SdrClientFakeClusterPing = 36 "SDRClient_FakeClusterPing" Global Facts::text().dev().waits_for(WaitsFor::Relays);
    /// Two peers that connect to each other get one connection.
    SymmetricConnect = 37 "SymmetricConnect" Connection Facts::int(0, 0, 1).unlisted().before_connecting();
    /// This side's virtual port; -1 is the one of the peer.
    LocalVirtualPort = 38 "LocalVirtualPort" Connection Facts::int(-1, -1, MAX_I32).unlisted().before_connecting();
    /// Send over two Wi-Fi networks at once.
    DualWifiEnable = 39 "DualWifi_Enable" Connection Facts::int(1, 0, 2).waits_for(WaitsFor::SteamClient);
    /// The number that a connection starts with as its user data; -1 is none.
    ConnectionUserData = 40 "ConnectionUserData" Connection Facts::wide(-1).unlisted();
    /// Log every packet with so many of its bytes: -1 none of them, 0 sizes only.
    PacketTraceMaxBytes = 41 "PacketTraceMaxBytes" Global Facts::int(-1, -1, 99_999).unit("bytes");
    /// Rate at which packets leave; what comes faster is lost. 0 is no limit.
    FakeRateLimitSendRate = 42 "FakeRateLimit_Send_Rate" Global Facts::int(0, 0, 1024 * MIB).unit("bytes/s");
    /// How much may leave at once in spite of that rate.
    FakeRateLimitSendBurst = 43 "FakeRateLimit_Send_Burst" Global Facts::int(16 * 1024, 0, MIB).unit("bytes");
    /// Rate at which packets come in. 0 is no limit.
    FakeRateLimitRecvRate = 44 "FakeRateLimit_Recv_Rate" Global Facts::int(0, 0, 1024 * MIB).unit("bytes/s");
    /// How much may come in at once in spite of that rate.
    FakeRateLimitRecvBurst = 45 "FakeRateLimit_Recv_Burst" Global Facts::int(16 * 1024, 0, MIB).unit("bytes");
    /// Tell the diagnostics of Steam's client about the connection.
    EnableDiagnosticsUi = 46 "EnableDiagnosticsUI" Connection Facts::int(1, 0, 1).waits_for(WaitsFor::SteamClient);
    /// How many received bytes may wait to be read, and how many of a lane may wait for missing ones.
    RecvBufferSize = 47 "RecvBufferSize" Connection Facts::int(MIB, 4096, MAX_RATE).unit("bytes");
    /// How many received messages may wait to be read.
    RecvBufferMessages = 48 "RecvBufferMessages" Connection Facts::int(1000, 2, MAX_RATE).unit("count");
    /// A peer that sends a larger message is disconnected.
    RecvMaxMessageSize = 49 "RecvMaxMessageSize" Connection Facts::int(512 * 1024, 64, MAX_RATE).unit("bytes");
    /// How many parts of messages are taken from one packet.
    RecvMaxSegmentsPerPacket = 50 "RecvMaxSegmentsPerPacket" Connection Facts::int(1300, 1, 1300).unit("count");
    /// How long a packet is kept for the one before it, if that has not come. 0 is not at all.
    OutOfOrderCorrectionWindow = 51 "OutOfOrderCorrectionWindowMicroseconds" Global Facts::int(1000, 0, 50_000).unit("us");
    /// As `IP_AllowWithoutAuth`, for peers on this machine; the larger of the two counts.
    IpLocalHostAllowWithoutAuth = 52 "IPLocalHost_AllowWithoutAuth" Connection Facts::int(2, 0, 2);
    /// By how much packets to be sent are delayed at random, on average. 0 is not at all.
    FakePacketJitterSendAvg = 53 "FakePacketJitter_Send_Avg" Global Facts::float(0.0, 0.0, 2000.0).unit("ms");
    /// By how much at most.
    FakePacketJitterSendMax = 54 "FakePacketJitter_Send_Max" Global Facts::float(100.0, 0.0, 5000.0).unit("ms");
    /// Which share of the packets.
    FakePacketJitterSendPct = 55 "FakePacketJitter_Send_Pct" Global Facts::percent(75.0);
    /// By how much received packets are delayed at random, on average. 0 is not at all.
    FakePacketJitterRecvAvg = 56 "FakePacketJitter_Recv_Avg" Global Facts::float(0.0, 0.0, 2000.0).unit("ms");
    /// By how much at most.
    FakePacketJitterRecvMax = 57 "FakePacketJitter_Recv_Max" Global Facts::float(100.0, 0.0, 5000.0).unit("ms");
    /// Which share of the packets.
    FakePacketJitterRecvPct = 58 "FakePacketJitter_Recv_Pct" Global Facts::percent(75.0);
    /// Tell the peer how long ago the packet before was sent, by which it measures jitter: 1 yes, 0 no, -1 only where it is usual.
    SendTimeSincePreviousPacket = 59 "SendTimeSincePreviousPacket" Connection Facts::int(-1, -1, 1);
    /// Ping only so many of the nearest data centers.
    SdrClientLimitPingProbes = 60 "SDRClient_LimitPingProbesToNearestN" Global Facts::int(0, 0, 1000).unit("count").waits_for(WaitsFor::Relays);
    /// STUN servers, separated by commas; without any this host does not know how NATs show it.
    P2pStunServerList = 103 "P2P_STUN_ServerList" Connection Facts::text();
    /// Which addresses to tell the peer: 0 none, 1 relayed, 2 private and 4 public ones, added up; 2147483647 is all.
    P2pTransportIceEnable = 104 "P2P_Transport_ICE_Enable" Connection Facts::int(MAX_I32, 0, MAX_I32);
    /// By how much what ICE finds counts as slower than it is, where there is another transport to choose. There is none yet.
    P2pTransportIcePenalty = 105 "P2P_Transport_ICE_Penalty" Connection Facts::int(0, 0, MAX_I32).unit("ms");
    /// By how much routes through relays count as slower than they are.
    P2pTransportSdrPenalty = 106 "P2P_Transport_SDR_Penalty" Connection Facts::int(0, 0, MAX_I32).unit("ms").waits_for(WaitsFor::Relays);
    /// TURN servers, separated by commas.
    P2pTurnServerList = 107 "P2P_TURN_ServerList" Connection Facts::text();
    /// User names for them, in the same order.
    P2pTurnUserList = 108 "P2P_TURN_UserList" Connection Facts::text();
    /// Passwords for them, in the same order.
    P2pTurnPassList = 109 "P2P_TURN_PassList" Connection Facts::text();
    /// Which ICE to use in the original: 0 and 1 its own, 2 WebRTC's. Here there is one, whatever is set.
    P2pTransportIceImplementation = 110 "P2P_Transport_ICE_Implementation" Connection Facts::int(0, 0, 2).before_connecting();
    /// Told of connections that change their state. In Rust: `Event::ConnectionChanged`.
    CallbackConnectionStatusChanged = 201 "Callback_ConnectionStatusChanged" Connection Facts::callback();
    /// Told of our authentication status. In Rust: an event.
    CallbackAuthStatusChanged = 202 "Callback_AuthStatusChanged" Global Facts::callback();
    /// Told of our access to relays.
    CallbackRelayNetworkStatusChanged = 203 "Callback_RelayNetworkStatusChanged" Global Facts::callback().waits_for(WaitsFor::Relays);
    /// Told of peers that want to start a session of messages.
    CallbackMessagesSessionRequest = 204 "Callback_MessagesSessionRequest" Global Facts::callback();
    /// Told of sessions of messages that failed.
    CallbackMessagesSessionFailed = 205 "Callback_MessagesSessionFailed" Global Facts::callback();
    /// Makes the channel over which peers find each other.
    CallbackCreateConnectionSignaling = 206 "Callback_CreateConnectionSignaling" Global Facts::callback();
    /// Told of fake addresses that were asked for.
    CallbackFakeIpResult = 207 "Callback_FakeIPResult" Global Facts::callback().waits_for(WaitsFor::FakeIp);
    /// Probe whether routers keep the priority bits of packets.
    SdrClientEnableTosProbes = 998 "SDRClient_EnableTOSProbes" Global Facts::int(0, 0, 1).waits_for(WaitsFor::Relays);
    /// What sent packets say about congestion signals of routers: 0 not understood, 1 and 2 understood (ECT(1), ECT(0)); -1 leaves it to us.
    Ecn = 999 "ECN" Global Facts::int(-1, -1, 2);
    /// How many requests for a cookie are answered, the first step of every peer that connects. 0 is no limit.
    LimitChallenges = 20_001 "Limit_Challenges" Global Facts::int(50_000, 0, MAX_PER_SEC).unit("1/s");
    /// How many of them if they seem to come from one network (IPv4 /24, IPv6 /56), while more than half of `Limit_Challenges` is in use. 0 is no limit.
    LimitNetworkChallenges = 20_002 "Limit_NetworkChallenges" Global Facts::int(2_000, 0, MAX_PER_SEC).unit("1/s");
    /// How many requests to connect are looked at that come from one network, and do come from there. 0 is no limit.
    LimitNetworkRequests = 20_003 "Limit_NetworkRequests" Global Facts::int(128, 0, MAX_PER_SEC).unit("1/s");
    /// How many of them may fail (for a bad certificate, say) until their network goes last while more than half of `Limit_Signatures` is in use. 0 is no limit.
    LimitNetworkFailures = 20_004 "Limit_NetworkFailures" Global Facts::int(20, 0, MAX_PER_SEC).unit("1/min");
    /// How many signatures of peers are checked and keys exchanged with them: two for a peer that connects, three if its certificate is signed. 0 is no limit.
    LimitSignatures = 20_005 "Limit_Signatures" Global Facts::int(2_000, 0, MAX_PER_SEC).unit("1/s");
    /// Whether the limits above hold for peers on this machine, too: 0 no, 1 yes.
    LimitLoopback = 20_006 "Limit_Loopback" Global Facts::int(0, 0, 1);
    /// Bytes that the flight recorder keeps of each connection: what happened last, for `bowline replay`.
    /// Ours; 0 is off. Copies of the connection's state come on top, see docs/flight-recorder.md.
    RecordBytes = 20_007 "RecordBytes" Connection Facts::int(0, 0, 256 * MIB).unit("bytes");
    /// Whether small reliable messages go out again, in packets that have room, before they are known to be
    /// lost: 0 no, 1 yes, as often as the loss of the path asks for. Ours; costs nothing where none is lost.
    ArmourSmallMessages = 20_008 "ArmourSmallMessages" Connection Facts::int(1, 0, 1);
    /// The largest UDP payload that packets grow to where the path takes it, if the peer is one of ours and
    /// `MTU_PacketSize` has its default. Ours; with 1255 or less they do not grow, with 8952 to jumbo frames.
    MtuSearchMax = 20_009 "MTU_SearchMax" Connection Facts::int(limits::ETHERNET_DATAGRAM as i64, 0, limits::MAX_GROWN_DATAGRAM as i64).unit("bytes");
    /// How far a peer may at most send ahead of what is missing, if it does not run GNS: its window grows up
    /// to this as it makes use of it, and is never less than `RecvBufferSize`. Ours.
    RecvWindowMax = 20_010 "RecvWindowMax" Connection Facts::int(30 * MIB, 0, 30 * MIB).unit("bytes");
    /// How much the windows of all connections may grow beyond what each begins with. Ours.
    RecvWindowTotal = 20_011 "RecvWindowTotal" Global Facts::int(256 * MIB, 0, MAX_I32).unit("bytes");
}

impl ConfigKey {
    /// All settings, by number.
    pub fn all() -> impl Iterator<Item = Self> {
        SPECS.iter().map(|spec| spec.key)
    }

    /// What is known of it.
    #[allow(clippy::indexing_slicing, reason = "as many rows as keys")]
    pub fn spec(self) -> &'static ConfigSpec {
        &SPECS[self.index()]
    }

    /// Its number in GNS.
    pub fn number(self) -> i32 {
        self.spec().number
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        self.spec().name
    }

    /// The setting of that number.
    ///
    /// # Errors
    /// If there is none.
    pub fn from_number(number: i32) -> Result<Self, ConfigError> {
        Self::all()
            .find(|key| key.number() == number)
            .ok_or(ConfigError::NoSuchNumber(number))
    }

    /// The settings that a program may show for editing, by number; `dev` adds those that are for
    /// developers (GNS: `IterateGenericEditableConfigValues`).
    pub fn listed(dev: bool) -> impl Iterator<Item = Self> {
        Self::all().filter(move |key| {
            let facts = &key.spec().facts;
            !facts.unlisted && (dev || !facts.dev)
        })
    }

    pub(super) const fn index(self) -> usize {
        self as usize
    }
}

impl FromStr for ConfigKey {
    type Err = ConfigError;

    /// By name; upper and lower case are the same.
    fn from_str(name: &str) -> Result<Self, ConfigError> {
        Self::all()
            .find(|key| key.name().eq_ignore_ascii_case(name))
            .ok_or_else(|| ConfigError::NoSuchName(name.into()))
    }
}

impl fmt::Display for ConfigKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    #[test]
    fn rows_stand_by_number_and_each_under_its_key() {
        let numbers: Vec<_> = SPECS.iter().map(|spec| spec.number).collect();
        assert!(numbers.is_sorted(), "{numbers:?}");
        for (index, spec) in SPECS.iter().enumerate() {
            assert_eq!(spec.key.index(), index, "{}", spec.name);
            assert_eq!(spec.name.parse(), Ok(spec.key));
            assert_eq!(ConfigKey::from_number(spec.number), Ok(spec.key));
        }
    }

    #[test]
    fn all_of_the_original_are_there() {
        let original = SPECS.iter().filter(|spec| spec.number < 20_000).count();
        assert_eq!(original, 76 - 1, "one of the 76 is a deleted one");
    }

    #[test]
    fn lists_leave_out_what_is_not_for_users() {
        let listed: Vec<_> = ConfigKey::listed(false).map(ConfigKey::number).collect();
        for number in [23, 34, 33, 37, 38, 40, 201] {
            assert!(!listed.contains(&number), "{number}");
        }
        for number in [2, 9, 12, 52, 59, 103, 110, 999] {
            assert!(listed.contains(&number), "{number}");
        }
        let dev: Vec<_> = ConfigKey::listed(true).map(ConfigKey::number).collect();
        assert!(dev.contains(&23) && dev.contains(&34) && !dev.contains(&201));
    }

    #[test]
    fn unknown_names_and_numbers_are_refused() {
        assert!("NagleTimes".parse::<ConfigKey>().is_err());
        assert!(ConfigKey::from_number(0).is_err());
        assert!(ConfigKey::from_number(35).is_err());
        assert_eq!("nagletime".parse(), Ok(ConfigKey::NagleTime));
    }
}
