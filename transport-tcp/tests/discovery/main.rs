//! Peers that find each other on a private DHT over loopback.

mod adversary;
mod hostile;
mod mesh;
mod network;
mod router;
