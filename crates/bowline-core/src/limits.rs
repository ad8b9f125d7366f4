//! Every bound of the core in one place: the value, why, and GNS's value beside ours.
//!
//! Wire sizes come first, then what bounds memory and work per connection, then what keeps a GNS
//! receiver from being driven over its edge. The test of a bound is named `limit_*`.

use crate::time::Span;

/// The protocol version that we speak. GNS e707b3a: `k_nCurrentProtocolVersion`.
pub const PROTOCOL_VERSION: u32 = 13;
/// The oldest peer that we accept. GNS e707b3a: `k_nMinRequiredProtocolVersion`.
pub const MIN_PROTOCOL_VERSION: u32 = 8;

/// A shorter datagram is dropped unseen (GNS: the same).
pub const MIN_DATAGRAM: usize = 5;
/// Padded packets (ChallengeRequest, ConnectionClosed) are at least this long, so that no answer is
/// larger than the request that drew it (GNS: the same).
pub const MIN_PADDED_DATAGRAM: usize = 512;
/// The largest UDP payload sent or accepted, with the exception below (GNS: `k_cbSteamNetworkingSocketsMaxUDPMsgLen`).
pub const MAX_DATAGRAM: usize = 1300;
/// The largest UDP payload of a data packet to or from a peer that has agreed on growing packets: what a jumbo
/// frame of 9000 bytes carries over IPv6 (GNS: 1300).
pub const MAX_GROWN_DATAGRAM: usize = 8952;
/// The same of a usual Ethernet frame, of 1500 bytes, over IPv4.
pub const ETHERNET_DATAGRAM: usize = 1472;
/// Most bytes of a run of packets that leave in one call: the largest UDP payload over IPv4, since the system
/// takes a run for one datagram that it cuts.
pub const MAX_RUN_BYTES: usize = 65_507;
/// The largest plaintext accepted in a data packet (GNS: 1300).
pub const MAX_PLAINTEXT_RECV: usize = MAX_GROWN_DATAGRAM;
/// Kept free of the UDP payload for header, statistics and path changes (GNS: MTU less 52).
pub const HEADER_RESERVE: usize = 52;
/// Flags, connection ID and packet number.
pub const DATA_HEADER: usize = 7;
/// The AEAD tag.
pub const AEAD_TAG: usize = 16;
/// The smallest configurable UDP payload (GNS: `MTU_PacketSize` minimum).
pub const MIN_MTU: usize = 200;

/// The largest message that may be sent or received by default (GNS: 512 KiB).
pub const MAX_MESSAGE: usize = 512 * 1024;
/// A longer unreliable message is sent reliably instead (GNS: 15 x 1100).
pub const MAX_UNRELIABLE_SEND: usize = 16_500;
/// Longer unreliable messages are ignored on receipt (GNS: 26,000).
pub const MAX_UNRELIABLE_RECV: usize = 26_000;
/// Most fragments held per connection for unreliable messages that are not yet whole; beyond it the
/// oldest message is dropped (GNS: 20 per lane).
pub const MAX_UNRELIABLE_FRAGMENTS: usize = 64;
/// Highest lane index that a peer may name (GNS: 255).
pub const MAX_LANE_INDEX: u32 = 255;
/// Most lanes that an application may configure (GNS: 255).
pub const MAX_LANES: usize = 255;
/// The largest explicit segment size (GNS: 11 bits with codes 0 to 4).
pub const MAX_EXPLICIT_SEGMENT: usize = 1279;
/// Most segments taken from one packet (GNS: `RecvMaxSegmentsPerPacket`).
pub const MAX_SEGMENTS_PER_PACKET: u32 = 1300;
/// Largest step from one reliable message number to the next (GNS: fatal above).
pub const MAX_MESSAGE_NUMBER_STEP: u64 = 1_000_000;
/// A reliable message number may lead the highest seen by this much (GNS: fatal above).
pub const MAX_MESSAGE_NUMBER_LEAD: u64 = 10_000;
/// The longest ack or nack run that is believed (GNS: fatal above).
pub const MAX_ACK_RUN: u64 = 100_000;
/// Close texts are cut to this many bytes (GNS: 128 with the terminating zero).
pub const MAX_CLOSE_TEXT: usize = 127;

/// The longest `str:` identity, in bytes without the prefix (GNS: 32 with the terminating zero).
pub const MAX_IDENTITY_STRING: usize = 31;
/// The longest `gen:` identity, in bytes (GNS: the same).
pub const MAX_IDENTITY_BYTES: usize = 32;
/// The longest Xbox pairwise ID, in bytes without the prefix (GNS: 33 with the terminating zero).
pub const MAX_IDENTITY_XBOX: usize = 32;
/// The longest identity of an unknown type, in bytes with its prefix (GNS: 128 with the terminating zero).
pub const MAX_IDENTITY_UNKNOWN: usize = 127;
/// The longest prefix of an identity of an unknown type (GNS: the same).
pub const MAX_IDENTITY_PREFIX: usize = 16;
/// Most certificates of authorities in a store (GNS: unbounded).
pub const MAX_CA_CERTS: usize = 64;
/// Most certificates between a trusted root and the authority that signed a peer's (GNS: unbounded).
pub const MAX_CA_CHAIN: usize = 4;
/// The longest certificate, request or key in a file, in bytes. One that is to be sent must fit into a
/// datagram; that of an authority may list many apps (GNS: unbounded).
pub const MAX_CERT_BYTES: usize = 16 * 1024;
/// The longest text with certificates and keys, in bytes (GNS: unbounded).
pub const MAX_CERT_TEXT: usize = 1024 * 1024;
/// Most revoked keys in a store (GNS: unbounded).
pub const MAX_REVOKED_KEYS: usize = 4096;

/// Default bound on bytes accepted for sending and not yet sent (GNS: `SendBufferSize`).
pub const SEND_BUFFER: usize = 512 * 1024;
/// An unreliable message with `NO_DELAY` that would wait longer than this is dropped. The number is the
/// one that the documentation of GNS names; its code never gets to it.
pub const MAX_NO_DELAY_WAIT: Span = Span::from_millis(200);
/// What an unreliable message that waits to be sent takes of the send buffer at least, on average, so that
/// empty ones are bounded too (GNS: its bytes only).
pub const UNRELIABLE_MESSAGE_COST: u64 = 16;
/// Default bound on bytes received and not yet read, and on the reassembly of a lane (GNS: `RecvBufferSize`).
pub const RECV_BUFFER: usize = 1024 * 1024;
/// Default bound on messages received and not yet read (GNS: `RecvBufferMessages`).
pub const RECV_BUFFER_MESSAGES: usize = 1000;
/// Most out-of-order pieces held per lane (GNS: 30 holes, 20 when splitting one). A larger number
/// costs memory only while there is loss, and is what lets a fast sender survive it.
pub const MAX_REASSEMBLY_PIECES: usize = 1024;
/// What an out-of-order piece takes besides its bytes: its place in the map, and a buffer of its own. Counts
/// toward [`MAX_FULL_LANES`], so that single bytes in all lanes are bounded too (measured: 80 bytes).
pub const REASSEMBLY_PIECE_COST: usize = 96;
/// All lanes of a connection together may hold as many bytes of reassembly as this many full lanes, be they
/// full of pieces or of a message that is not whole: enough for parallel transfers, far from 256 lanes times the window (GNS: no such bound).
pub const MAX_FULL_LANES: u64 = 8;
/// The receive window that a peer of ours begins with, unless the receive buffer is larger, which it may
/// always send...
pub const FIRST_RECEIVE_WINDOW: u64 = 1024 * 1024;
/// ...or so many receive buffers are less.
pub const RECEIVE_WINDOW_BUFFERS: u64 = 16;
/// Default bound of a window that grows, unless the receive buffer is larger; and no peer is believed that
/// it takes more. At 20 % loss a byte may be lost five times running, and meanwhile whatever is sent behind
/// it waits.
pub const MAX_RECEIVE_WINDOW: u64 = 29 * 1024 * 1024;
/// Default bound of what the connections of an endpoint may be granted together beyond the first window of
/// each: eight of the largest windows.
pub const RECEIVE_WINDOWS: u64 = 256 * 1024 * 1024;
/// What a window was good for is looked at after such times, to give back what is too much.
pub const WINDOW_SEASON: Span = Span::from_secs(2);
/// A piece of such a window is not smaller than this on average.
pub const MIN_WINDOW_PIECE: u64 = 256;
/// A piece that continues the one before it becomes one with it, up to so many bytes, so that small segments that
/// wait to be read take no more than their share of pieces.
pub const JOINED_PIECE: usize = 1024;
/// Most gaps in the received packet numbers that are remembered (GNS: 62). At 20 % loss there is one in
/// six packets, and what is remembered is what a round trip brings.
pub const MAX_ACK_GAPS: usize = 2048;
/// Most blocks in one ack frame (GNS: sends 64, takes 255).
pub const MAX_ACK_BLOCKS: usize = 255;
/// Most ack frames taken from one packet. One of [`MAX_GROWN_DATAGRAM`] holds 34 full frames of ours, and eight
/// that halve what room is left; GNS sends one.
pub const MAX_ACKS_PER_PACKET: u32 = 64;
/// How far the newest packet that an ack describes may lie behind the newest that was received. It is
/// named by 16 bits, which the peer completes from what it has sent last: half of what they tell apart is
/// for packets that are under way (GNS: describes all of its 62 gaps at once).
pub const MAX_ACK_LAG: u64 = 0x4000;
/// Most events that wait to be read per connection.
pub const MAX_EVENTS: usize = 64;

/// A packet number this far ahead ends the connection (GNS: the same).
pub const MAX_PACKET_NUMBER_JUMP: u64 = 0x4000;
/// Packet numbers below the highest that are still taken if they were not received before (GNS: 64 to
/// 127). Costs a bit each.
pub const REPLAY_WINDOW: u64 = 1024;
/// A step of this size or more counts as one jump in the statistics, and not as packets lost (GNS: the
/// same, and its duplicate window then takes everything older as received; ours does not).
pub const PACKET_NUMBER_LURCH: u64 = 100;

/// Most packets sealed with one AES-GCM key: beyond it a reader of all of them gains too much against
/// the cipher (RFC 9001, section 6.6: 2^23 packets; NIST SP 800-38D, section 8.3, asks for less: 2^32 with
/// random nonces). Holds where keys can be replaced; a GNS peer keeps its first keys (GNS: no such bound).
pub const MAX_PACKETS_PER_KEY: u64 = 1 << 23;
/// Packets after which the next key is taken. The rest up to [`MAX_PACKETS_PER_KEY`] is for those that
/// leave until the peer has confirmed the present one.
pub const PACKETS_PER_KEY: u64 = 1 << 22;
/// Forged packets that a connection takes: beyond it the chance that one passes grows too large (RFC
/// 9001, section 6.6: 2^52 for AES-GCM; GNS: no such bound).
pub const MAX_FAILED_OPENS: u64 = 1 << 52;
/// How long the key before is kept for packets that come late: longer than any believable round trip.
pub const OLD_KEY_LIFETIME: Span = Span::from_secs(3);

/// Most packets of ours that the peer misses, and that it is asked to go on reporting on since they may only be
/// late. Each costs up to two bytes of each of its acks.
pub const MISSING_PACKETS: usize = 512;
/// As many of them are taken for lost and remembered in case they come.
pub const REMEMBERED_LOST: usize = 32;
/// The same for a GNS peer, which remembers 62 gaps and counts received packets as lost where there are more.
pub const GNS_MISSING_PACKETS: usize = 24;
/// And those that are taken for lost.
pub const GNS_REMEMBERED_LOST: usize = 8;
/// Packets that may be outstanding beyond the highest acknowledged one: half of the jump that kills.
pub const MAX_UNACKED_PACKETS: u64 = 0x2000;
/// Packets whose fate is remembered. Only those that must go regardless (acks, probes) get beyond
/// [`MAX_UNACKED_PACKETS`]; the oldest is forgotten then.
pub const MAX_TRACKED_PACKETS: usize = 0x4000;
/// Unreliable messages of a lane in a row; the next one goes reliably. Were all of a longer run lost, the
/// next reliable message would lead the highest number that the peer has seen by more than
/// [`MAX_MESSAGE_NUMBER_LEAD`], and end the connection (GNS: no such bound).
pub const MAX_UNRELIABLE_RUN: u64 = 8_000;
/// Bytes between the oldest unacknowledged and the newest sent byte of a lane, towards a GNS receiver,
/// which refuses beyond [`GNS_STREAM_REFUSED`]. A longer message than fits between the two counts from its
/// first byte on until all of it is acknowledged.
pub const GNS_STREAM_WINDOW: u64 = 960 * 1024;
/// Bytes from the first message of a lane that a GNS receiver does not have in whole, beyond which it
/// refuses.
pub const GNS_STREAM_REFUSED: u64 = 1024 * 1024;
/// Holes that we let our losses tear into a lane of a GNS receiver, which refuses beyond 30, or 20 when
/// a segment splits a hole.
/// Counts both those that are known and those that losses will tear that nobody knows of yet, so that it
/// leaves the difference for the times when more is lost than usual.
pub const GNS_MAX_HOLES: usize = 15;
/// Most small segments that are not acknowledged and may ride again in later packets: what 30 messages a
/// second come to in two seconds. Those beyond are sent again when they are lost.
pub const ARMOURED_SEGMENTS: usize = 64;
/// Longest such segment: with a copy of it a packet has room for as much again.
pub const ARMOURED_SEGMENT: u64 = 512;
/// Most unacknowledged bytes of a lane whose segments ride again; with more it is not small data.
pub const ARMOURED_LANE_BYTES: u64 = 8 * 1024;
/// Segments ride again while fewer packets than this are in flight.
pub const ARMOURED_PACKETS: usize = 256;
/// Most segments that ride in one packet.
pub const ARMOURED_PER_PACKET: usize = 16;
/// Packets sent in one go without a pause.
pub const MAX_BURST_PACKETS: usize = 64;

/// First retry of the handshake (GNS: 500 ms).
pub const HANDSHAKE_RETRY: Span = Span::from_millis(500);
/// Default time for the handshake, and for the application to accept (GNS: `TimeoutInitial`).
pub const TIMEOUT_INITIAL: Span = Span::from_secs(10);
/// Default silence after which a connection is lost (GNS: `TimeoutConnected`).
pub const TIMEOUT_CONNECTED: Span = Span::from_secs(10);
/// How long a closed connection still answers the peer (GNS: 5 s).
pub const FIN_WAIT: Span = Span::from_secs(5);
/// A lingering connection of which the peer acknowledges nothing for this long gives up (GNS: waits for
/// as long as the peer lives).
pub const MAX_LINGER: Span = Span::from_secs(60);
/// First wait before a sealed close that was not acknowledged is sent again; it doubles with each time,
/// and is not less than two round trips.
pub const CLOSE_RETRY: Span = Span::from_millis(100);
/// A client address is not dialled again from the same socket for this long after a close: the peer's
/// [`FIN_WAIT`] and a margin.
pub const ADDRESS_REUSE_HOLD: Span = Span::from_secs(6);
/// Largest round trip believed from a handshake (GNS: 2 s).
pub const MAX_HANDSHAKE_RTT: Span = Span::from_secs(2);
/// Largest ping believed from an ack (GNS: 2 s).
pub const MAX_PING: Span = Span::from_secs(2);
/// An older timestamp is no longer echoed in ConnectOK (GNS: 4 s).
pub const MAX_TIMESTAMP_ECHO: Span = Span::from_secs(4);
/// Largest `ping_est_ms` believed from a ConnectRequest (GNS: 1500).
pub const MAX_PING_ESTIMATE_MS: u32 = 1500;
/// At most one unasked reply of the stateless kind in this time (GNS: 250 ms, process-wide).
pub const STATELESS_REPLY_INTERVAL: Span = Span::from_millis(250);
/// At most one answer of a closed connection in this time (GNS: answers every packet).
pub const CLOSED_ANSWER_INTERVAL: Span = Span::from_millis(50);
/// Refused requests that are told why, in one second; further ones meet silence. At 512 bytes each, that
/// is what a source that replays its own cookies can make an endpoint send.
pub const MAX_REJECTIONS_PER_SECOND: u32 = 64;
/// Default of `Limit_Challenges`: cookies handed out in one second. One costs a microsecond or two, most of it
/// in the kernel; the bound keeps a flood from eating the service thread (GNS: no such bound).
pub const CHALLENGES_PER_SECOND: u32 = 50_000;
/// Default of `Limit_NetworkChallenges`: a twenty-fifth of all, so that it takes many networks to crowd out the
/// rest, and more than a network of players asks for at once.
pub const NETWORK_CHALLENGES_PER_SECOND: u32 = 2_000;
/// Default of `Limit_NetworkRequests`: with its burst, a thousand players behind one address get in within
/// their ten seconds; a flood from one network costs two hundredths of a core at most.
pub const NETWORK_REQUESTS_PER_SECOND: u32 = 128;
/// Default of `Limit_NetworkFailures`: a player with a wrong certificate fails twenty times in the ten seconds
/// that a client tries, and then its network goes last for a while, if signatures run short at all.
pub const NETWORK_FAILURES_PER_MINUTE: u32 = 20;
/// How long failures count against a network at most. A network goes last once it has failed half of what it
/// may fail in this time.
pub const NETWORK_FAILURE_MEMORY: Span = Span::from_secs(30);
/// Default of `Limit_Signatures`: a thousand players a second, for about an eighth of a core (GNS: no
/// such bound).
pub const SIGNATURES_PER_SECOND: u32 = 2_000;
/// Closes of connections that do not exist and that are answered in one second. Such a peer comes from before
/// a restart, and would find out by itself (GNS: answers every one).
pub const STRAY_CLOSES_PER_SECOND: u32 = 1_000;
/// What the limits of all strangers together let pass at once, as the time in which it comes back. Short,
/// because players wait while signatures are checked: fifty requests take some six milliseconds.
pub const LIMIT_BURST: Span = Span::from_millis(50);
/// The same of the limits of a network: players come in groups.
pub const NETWORK_LIMIT_BURST: Span = Span::from_secs(2);
/// Networks told apart when strangers are counted; those that meet in one place share its limit. Eight bytes
/// each, in three tables; a hundred hostile networks take one place in forty.
pub const NETWORK_BUCKETS: usize = 4096;
/// Connections that may wait for the application's decision, per listen socket.
pub const MAX_PENDING_ACCEPTS: usize = 4096;
/// Those from one source (an IPv4 address, or an IPv6 network of 64 bits; loopback is exempt): as many as
/// a LAN party behind one address starts at once, and a sixteenth of all that may wait.
pub const MAX_PENDING_PER_SOURCE: usize = 256;
/// Live incoming connections from one source: more than the players behind one address, a fraction of
/// what an endpoint holds (GNS: no such bound).
pub const MAX_CONNECTIONS_PER_SOURCE: usize = 4096;
/// Live connections per endpoint. Far above need; bounds the table.
pub const MAX_CONNECTIONS: usize = 1 << 20;

/// Default time that a small message waits for company (GNS: `NagleTime`).
pub const NAGLE_TIME: Span = Span::from_micros(5_000);
/// A gap is not reported as lost before this much time has passed (GNS: 3 ms).
pub const NACK_HOLD: Span = Span::from_millis(3);
/// Nothing received for this long draws a keepalive (GNS: 10 s).
pub const KEEPALIVE: Span = Span::from_secs(10);

/// The longest candidate that a peer may tell, in bytes. GNS writes some 90, browsers 200.
pub const MAX_CANDIDATE_TEXT: usize = 512;
/// The longest foundation in it (RFC 8839, section 5.1: the same).
pub const MAX_CANDIDATE_FOUNDATION: usize = 32;
/// The longest user fragment or password of a peer, in bytes (RFC 8839, section 5.4: the same).
pub const MAX_ICE_CREDENTIAL: usize = 256;
/// Most candidates of our own per connection: twenty interfaces, each with a mapping and a relay.
pub const MAX_LOCAL_CANDIDATES: usize = 64;
/// Most candidates that a peer may tell (GNS: unbounded). Each aims six packets of each end of ours, five when tried again.
pub const MAX_REMOTE_CANDIDATES: usize = 32;
/// Most candidates besides, that the peer's checks came from.
pub const MAX_PEER_REFLEXIVE: usize = 8;
/// Most pairs of candidates per connection (RFC 8445, section 6.1.2.5: the same; GNS: unbounded).
pub const MAX_CANDIDATE_PAIRS: usize = 100;
/// One new check leaves in this time (GNS: the same)...
pub const CHECK_INTERVAL: Span = Span::from_millis(50);
/// ...but for so many at the beginning, which leave at once.
pub const FIRST_CHECKS: u8 = 5;
/// The first repetition of a check comes this long after it, besides those that questions to servers have.
pub const FIRST_CHECK_REPEAT: Span = Span::from_millis(100);
/// A check under way goes again this long after the last time if the peer's has come along the same way since: the
/// peer's NAT may have dropped it. If the two only crossed, most answers come sooner.
pub const CHECK_REPEAT: Span = Span::from_millis(20);
/// A check goes again so often for that.
pub const MAX_CHECK_EXTRAS: u8 = 5;
/// A pair that did not answer is tried again after this time for as long as nothing is selected; the time doubles...
pub const PAIR_RETRY: Span = Span::from_secs(2);
/// ...so often (GNS: never tries again). While a relay is selected, a direct pair is tried again once more than
/// that, and then no more.
pub const PAIR_RETRY_DOUBLINGS: u32 = 4;
/// The peer is asked for its consent so long after a way was selected, give or take a fifth (RFC 7675, section 5.1;
/// GNS: never)...
pub const FIRST_CONSENT_INTERVAL: Span = Span::from_secs(5);
/// ...and then so often: as often as address translators need to be reminded (RFC 8445, section 11). Five seconds, as
/// RFC 7675 has it, would be a third of what an idle connection may cost.
pub const CONSENT_INTERVAL: Span = Span::from_secs(15);
/// A question that is not answered is asked again after this, so that many must be lost before consent is.
pub const CONSENT_RETRY: Span = Span::from_secs(1);
/// The peer's consent holds for so long.
pub const CONSENT_LIFETIME: Span = Span::from_secs(30);
/// The latest questions for consent that may still be answered.
pub const MAX_CONSENT_CHECKS: usize = 8;
/// Data along another way than the selected one raises doubts if that one was not proven for so long.
pub const DOUBT_AFTER: Span = Span::from_secs(1);
/// A way in doubt is asked after so often...
pub const DOUBT_INTERVAL: Span = Span::from_millis(500);
/// ...and given up after so long...
pub const DOUBT_LIFETIME: Span = Span::from_secs(3);
/// ...or after this and two round trips if the peer's data comes another way: that one works, and the peer would
/// not take it if this one did.
pub const DETOUR_LIFETIME: Span = Span::from_secs(1);
/// So long after the peer has chosen another pair, a check that chooses the one before is perhaps late.
pub const LATE_CHOICE: Span = Span::from_secs(1);
/// Packets of an agent that wait to be sent: a check for every pair, and as many answers.
pub const MAX_ICE_PACKETS: usize = 2 * MAX_CANDIDATE_PAIRS;
/// Events of an agent that wait to be read: a permission for every pair, and every candidate of ours.
pub const MAX_ICE_EVENTS: usize = MAX_CANDIDATE_PAIRS + 2 * MAX_LOCAL_CANDIDATES;
/// What is kept of the story of an agent: half of it from the beginning, half the latest.
pub const MAX_ICE_STORY: usize = 128;

/// Most sockets for packets between peers, one per address of this host (GNS: unbounded).
pub const MAX_INTERFACES: usize = 32;
/// Most accounts at TURN servers that a socket has something of at a time, or remembers the failure of; what connections with
/// further ones want is not asked for.
pub const MAX_RELAYS_PER_SOCKET: usize = 16;
/// A STUN server is asked again how a socket is seen, which keeps the NAT from forgetting (GNS: the same).
pub const MAPPING_KEEPALIVE: Span = Span::from_secs(15);
/// What was seen is believed for so long: NATs that forget sooner are rare (RFC 4787, REQ-5, wants two minutes).
pub const MAPPING_FRESH: Span = Span::from_secs(30);
/// When all STUN servers have failed, they are asked again after this time; it doubles...
pub const MAPPING_RETRY: Span = Span::from_secs(1);
/// ...so often.
pub const MAPPING_RETRY_DOUBLINGS: u32 = 8;
/// A TURN server that has failed is asked again after this time; it doubles...
pub const RELAY_RETRY: Span = Span::from_secs(10);
/// ...so often.
pub const RELAY_RETRY_DOUBLINGS: u32 = 5;
/// A connection that has not asked for a STUN or TURN server before need not wait so long, but for this time since it failed.
pub const MIN_SERVER_RETRY: Span = Span::from_secs(1);
/// When the system has refused so often to send one request, its server counts as out of reach. Once may be a passing lack
/// of memory.
pub const MAX_SEND_ERRORS: u8 = 2;

/// Datagrams that wait on a link in simulated bad conditions: five seconds of 13,000 per second.
pub const MAX_CONDITIONED_DATAGRAMS: usize = 1 << 16;
/// Bytes of them: five seconds of 100 Mbit/s.
pub const MAX_CONDITIONED_BYTES: usize = 64 << 20;
/// Bytes that pass at once through a limited rate (GNS: `FakeRateLimit_Send_Burst`).
pub const CONDITIONED_BURST: u64 = 16 * 1024;

/// How long a packet waits for the one before it (GNS: `OutOfOrderCorrectionWindowMicroseconds`).
pub const REORDER_WINDOW: Span = Span::from_micros(1_000);
/// Packets of a connection that wait so; as many as half a burst, so that a loss on a fast path is taken
/// for one before the window has passed.
pub const MAX_REORDER_HELD: usize = 32;

/// Inputs that a copy of the connection is followed by in its flight recording before the next copy is
/// taken: a recording holds this much time at least, and twice as much at most.
pub const RECORDING_SEGMENT: Span = Span::from_secs(10);
/// What a half of a flight recording holds before the next copy is taken, however little was asked for: the
/// copy is of the whole connection, with what waits in its queues.
pub const RECORDING_SEGMENT_BYTES: usize = 32 * 1024;
/// What the inputs of a flight recording take that is read from a file, and its fingerprints: the most that
/// `RecordBytes` can be, and one input beyond it in each half.
pub const MAX_RECORDING: usize = 258 * 1024 * 1024;

/// The longest STUN message that is read. One that carries data of a peer is longer than the data (GNS: 576).
pub const MAX_STUN_MESSAGE: usize = MAX_GROWN_DATAGRAM;
/// Most attributes in a STUN message: a dozen is usual.
pub const MAX_STUN_ATTRIBUTES: usize = 32;
/// The longest user name in a STUN message, in bytes (RFC 8489, section 14.3: below 509; GNS: 512).
pub const MAX_STUN_USERNAME: usize = 508;
/// Most attributes of a STUN message that are named as unknown.
pub const MAX_STUN_UNKNOWN: usize = 8;
/// The longest list of STUN or TURN servers in a setting, in bytes.
pub const MAX_SERVER_LIST: usize = 16 * 1024;
/// Most servers in such a list (GNS: unbounded).
pub const MAX_SERVERS: usize = 32;

/// The longest realm that a TURN server may have us repeat, in bytes (RFC 8489, section 14.9: 763; there they are
/// names of domains).
pub const MAX_TURN_REALM: usize = 255;
/// The longest nonce that a TURN server may have us repeat, in bytes (RFC 8489, section 14.10: 763).
pub const MAX_TURN_NONCE: usize = 763;
/// Most IP addresses with a permission, and most addresses with a channel, on a TURN allocation, which all
/// connections share (GNS: 10 addresses in its only request).
pub const MAX_TURN_PEERS: usize = 512;
/// Most packets for peers that wait until a TURN server lets them through; the oldest is dropped.
pub const MAX_TURN_HELD: usize = 8;
/// Most requests for permissions and channels that are under way at a TURN server; further ones wait.
pub const MAX_TURN_REQUESTS: usize = 16;
/// How often a request is repeated with a new nonce before that counts as a loop.
pub const MAX_TURN_NONCES: u8 = 4;
/// How often a TURN server may forget an allocation in the first minute of its life, before nothing more is asked of it.
pub const MAX_TURN_LOSSES: u8 = 3;
/// The longest life of an allocation that is believed.
pub const MAX_TURN_LIFETIME: Span = Span::from_secs(3_600);
/// The shortest time until an allocation is refreshed, whatever life the server gives it.
pub const MIN_TURN_REFRESH: Span = Span::from_secs(10);
/// The longest signal, in bytes (GNS: no such bound). One with a certificate and thirty candidates has three
/// thousand.
pub const MAX_SIGNAL: usize = 16 * 1024;
/// Most reliable messages taken from one signal; those behind them come again (GNS: no such bound).
pub const MAX_SIGNAL_MESSAGES: usize = 64;
/// The longest ICE candidate in a signal, in bytes. Those of IPv6 with all that they may have take less
/// than two hundred.
pub const MAX_SIGNAL_CANDIDATE: usize = 512;
/// The longest ICE password in a signal, in bytes (RFC 8839, section 5.4; GNS: sends 16).
pub const MAX_SIGNAL_PASSWORD: usize = 256;
/// The longest text of a `FakeIP` with its port, in bytes: more than `255.255.255.255:65535` has.
pub const MAX_SIGNAL_FAKE_IP: usize = 32;
/// Bytes of reliable messages that a signal of ours has, unless a single one is longer (GNS: means to
/// have the same bound, and has none).
pub const SIGNAL_RELIABLE_BYTES: usize = 800;
/// Most reliable messages that wait to be sent or acknowledged: twice as many as candidates that a host with many
/// interfaces has (GNS: no such bound).
pub const MAX_RELIABLE_SIGNALS: usize = 128;
/// A reliable message is sent again after so long without its acknowledgement (GNS: the same)...
pub const SIGNAL_RTO: Span = Span::from_secs(1);
/// ...and after half as long again with each time, up to this (GNS: does not back off).
pub const MAX_SIGNAL_RTO: Span = Span::from_secs(3);
/// A request or an answer that is sent again begins with the oldest reliable message, if that was not sent for so
/// long (GNS: each does).
pub const SIGNAL_RESTART: Span = Span::from_millis(400);
/// How long a signal waits for what else there is to tell (GNS: the same).
pub const SIGNAL_COALESCING: Span = Span::from_millis(10);
/// Time between two signals of a connection at least (GNS: the same).
pub const SIGNAL_SPACING: Span = Span::from_millis(100);
/// How long the first signal of a connection waits for candidates to carry (GNS: up to 100 ms where a STUN
/// server is asked, which a direct connection in a local network would lose).
pub const FIRST_SIGNAL_WAIT: Span = Span::from_millis(30);
/// A request for a connection by signals goes out again after this (GNS: the same).
pub const CONNECT_REQUEST_RETRY: Span = Span::from_millis(500);
/// Waits between the signals that tell the peer of the end, unless it says that it knows.
pub const CLOSE_SIGNAL_WAITS: [Span; 3] = [
    Span::from_millis(500),
    Span::from_millis(1000),
    Span::from_millis(2000),
];
/// What a peer may tell of its ways before the application has decided; more is taken when it is told again.
pub const MAX_EARLY_SIGNALS: usize = 64;
/// So many signals of a connection are remembered in its story.
pub const MAX_SIGNAL_STORY: usize = 16;
/// So many means of reaching a peer a connection has at once: ICE, and a relay.
pub const MAX_TRANSPORTS: usize = 2;
/// What a relay adds to each packet at most, in bytes: a Send indication with an IPv6 address (RFC 8656,
/// section 11.1) and padding.
pub const RELAY_OVERHEAD: usize = 52;
/// Most connections, and requests for them, that one peer may have by signals.
pub const MAX_CALLS_PER_PEER: usize = 16;
/// Most virtual ports that are listened on.
pub const MAX_VIRTUAL_PORTS: usize = 1024;
/// Most names of STUN and TURN servers that are remembered.
pub const MAX_SERVER_NAMES: usize = 64;
/// Most addresses of one name that are tried.
pub const MAX_SERVER_ADDRESSES: usize = 4;
/// A name is resolved anew after this...
pub const RESOLVED_NAME_LIFE: Span = Span::from_secs(300);
/// ...or, if it had no address, after this.
pub const UNRESOLVED_NAME_LIFE: Span = Span::from_secs(10);
/// So many signals of a connection need keep no distance from the one before.
pub const FREE_SIGNALS: u8 = 3;
/// Most peers that are talked to by messages at a time (GNS: no such bound).
pub const MAX_SESSIONS: usize = 8192;
/// Most peers that wait for the application to let them send messages (GNS: no such bound).
pub const MAX_SESSION_REQUESTS: usize = 256;
/// So many channels of a session are known to be open, besides those with something to read (GNS: no bound).
pub const MAX_SESSION_CHANNELS: usize = 256;
/// A session ends that was not used for so long. GNS e707b3a: csteamnetworkingmessages.cpp.
pub const SESSION_IDLE: Span = Span::from_secs(180);
/// A session that would end, but for what is under way, is looked at again after this (GNS: the same).
pub const SESSION_IDLE_RETRY: Span = Span::from_secs(1);
/// The application is told again after this of a peer that waits to send messages.
pub const SESSION_REQUEST_REPEAT: Span = Span::from_secs(10);
