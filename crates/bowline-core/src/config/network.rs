//! Settings of what happens to packets outside of connections, in the types that act on them.

use crate::conditions::LinkConditions;
use crate::conditions::Odds;
use crate::config::Config;
use crate::config::ConfigKey;
use crate::time::Span;
use crate::transmit::Ecn;

impl Config {
    /// How bad the network pretends to be for packets that are sent (`FakePacket..._Send`,
    /// `FakeRateLimit_Send_...`).
    pub fn send_conditions(&self) -> LinkConditions {
        LinkConditions {
            loss: self.odds(ConfigKey::FakePacketLossSend),
            lag: self.whole_ms(ConfigKey::FakePacketLagSend),
            reorder: self.odds(ConfigKey::FakePacketReorderSend),
            reorder_time: self.whole_ms(ConfigKey::FakePacketReorderTime),
            duplicate: self.odds(ConfigKey::FakePacketDupSend),
            duplicate_time_max: self.whole_ms(ConfigKey::FakePacketDupTimeMax),
            jitter_average: self.ms(ConfigKey::FakePacketJitterSendAvg),
            jitter_max: self.ms(ConfigKey::FakePacketJitterSendMax),
            jitter: self.odds(ConfigKey::FakePacketJitterSendPct),
            rate_bytes_per_sec: self.bytes(ConfigKey::FakeRateLimitSendRate),
            burst_bytes: self.bytes(ConfigKey::FakeRateLimitSendBurst),
        }
    }

    /// How bad the network pretends to be for packets that come in (`FakePacket..._Recv`,
    /// `FakeRateLimit_Recv_...`).
    pub fn recv_conditions(&self) -> LinkConditions {
        LinkConditions {
            loss: self.odds(ConfigKey::FakePacketLossRecv),
            lag: self.whole_ms(ConfigKey::FakePacketLagRecv),
            reorder: self.odds(ConfigKey::FakePacketReorderRecv),
            reorder_time: self.whole_ms(ConfigKey::FakePacketReorderTime),
            duplicate: self.odds(ConfigKey::FakePacketDupRecv),
            duplicate_time_max: self.whole_ms(ConfigKey::FakePacketDupTimeMax),
            jitter_average: self.ms(ConfigKey::FakePacketJitterRecvAvg),
            jitter_max: self.ms(ConfigKey::FakePacketJitterRecvMax),
            jitter: self.odds(ConfigKey::FakePacketJitterRecvPct),
            rate_bytes_per_sec: self.bytes(ConfigKey::FakeRateLimitRecvRate),
            burst_bytes: self.bytes(ConfigKey::FakeRateLimitRecvBurst),
        }
    }

    /// The mark of sent packets for congestion signals of routers. Left to us (-1) there is none, since
    /// some paths lose marked packets and nothing here acts on the signals yet.
    pub const fn ecn(&self) -> Option<Ecn> {
        match self.int(ConfigKey::Ecn) {
            1 => Some(Ecn::Ect1),
            2 => Some(Ecn::Ect0),
            _ => None,
        }
    }

    /// How many bytes of each packet are logged; `None` if packets are not logged at all.
    pub const fn packet_trace_max_bytes(&self) -> Option<usize> {
        let max = self.int(ConfigKey::PacketTraceMaxBytes);
        if max < 0 {
            return None;
        }
        Some(max.unsigned_abs() as usize)
    }

    /// How long a packet is kept for the one before it; zero is not at all.
    pub const fn out_of_order_correction_window(&self) -> Span {
        let us = self.int(ConfigKey::OutOfOrderCorrectionWindow);
        Span::from_micros(us.unsigned_abs() as u64)
    }

    /// Whether packets over UDP tell how long ago the one before was sent. It is not usual there.
    pub const fn sends_time_since_previous_packet(&self) -> bool {
        self.int(ConfigKey::SendTimeSincePreviousPacket) > 0
    }

    fn odds(&self, key: ConfigKey) -> Odds {
        Odds::from_percent(self.float(key))
    }

    fn ms(&self, key: ConfigKey) -> Span {
        // The cast cuts to the range of the target.
        Span::from_micros((self.float(key) * 1000.0) as u64)
    }

    const fn whole_ms(&self, key: ConfigKey) -> Span {
        Span::from_millis(self.int(key).unsigned_abs() as u64)
    }

    const fn bytes(&self, key: ConfigKey) -> u64 {
        self.int(key).unsigned_abs() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ConfigScope;
    use crate::limits;

    #[test]
    fn defaults_are_a_perfect_network() {
        let config = Config::new();
        assert_eq!(config.send_conditions(), LinkConditions::NONE);
        assert_eq!(config.recv_conditions(), LinkConditions::NONE);
        assert_eq!(config.ecn(), None);
        assert_eq!(config.packet_trace_max_bytes(), None);
        assert_eq!(
            config.out_of_order_correction_window(),
            limits::REORDER_WINDOW
        );
        assert!(!config.sends_time_since_previous_packet());
    }

    #[test]
    fn every_value_reaches_its_field() {
        let mut config = Config::at(ConfigScope::Global);
        for text in [
            "FakePacketLoss_Send=1.5",
            "FakePacketLoss_Recv=2",
            "FakePacketLag_Send=3",
            "FakePacketLag_Recv=4",
            "FakePacketReorder_Send=5",
            "FakePacketReorder_Recv=6",
            "FakePacketReorder_Time=7",
            "FakePacketDup_Send=8",
            "FakePacketDup_Recv=9",
            "FakePacketDup_TimeMax=10",
            "FakeRateLimit_Send_Rate=11",
            "FakeRateLimit_Send_Burst=12",
            "FakeRateLimit_Recv_Rate=13",
            "FakeRateLimit_Recv_Burst=14",
            "FakePacketJitter_Send_Avg=15.5",
            "FakePacketJitter_Send_Max=16",
            "FakePacketJitter_Send_Pct=17",
            "FakePacketJitter_Recv_Avg=18",
            "FakePacketJitter_Recv_Max=19",
            "FakePacketJitter_Recv_Pct=20",
            "PacketTraceMaxBytes=0",
            "OutOfOrderCorrectionWindowMicroseconds=21",
            "SendTimeSincePreviousPacket=1",
            "ECN=2",
        ] {
            config.set_from_text(text).unwrap();
        }
        let expected = |parts: [u32; 4], us: [u64; 5], rate, burst| LinkConditions {
            loss: Odds::from_parts_per_million(parts[0]),
            reorder: Odds::from_parts_per_million(parts[1]),
            duplicate: Odds::from_parts_per_million(parts[2]),
            jitter: Odds::from_parts_per_million(parts[3]),
            lag: Span::from_micros(us[0]),
            reorder_time: Span::from_micros(us[1]),
            duplicate_time_max: Span::from_micros(us[2]),
            jitter_average: Span::from_micros(us[3]),
            jitter_max: Span::from_micros(us[4]),
            rate_bytes_per_sec: rate,
            burst_bytes: burst,
        };
        assert_eq!(
            config.send_conditions(),
            expected(
                [15_000, 50_000, 80_000, 170_000],
                [3_000, 7_000, 10_000, 15_500, 16_000],
                11,
                12
            )
        );
        assert_eq!(
            config.recv_conditions(),
            expected(
                [20_000, 60_000, 90_000, 200_000],
                [4_000, 7_000, 10_000, 18_000, 19_000],
                13,
                14
            )
        );
        assert_eq!(config.packet_trace_max_bytes(), Some(0));
        assert_eq!(
            config.out_of_order_correction_window(),
            Span::from_micros(21)
        );
        assert!(config.sends_time_since_previous_packet());
        assert_eq!(config.ecn(), Some(Ecn::Ect0));
        config.set_from_text("ECN=1").unwrap();
        assert_eq!(config.ecn(), Some(Ecn::Ect1));
    }
}
