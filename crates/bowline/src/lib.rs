//! Game networking: encrypted message-oriented connections over UDP, wire-compatible with GameNetworkingSockets.
