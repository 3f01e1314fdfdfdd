//! The Sync System Manager: wires everything, starts it, reports its health, stops it in order.
