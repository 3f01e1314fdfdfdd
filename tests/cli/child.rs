//! A program that runs beside its test.

use std::process::Child;

use rustix::process::{Pid, Signal, kill_process};

/// Killed when dropped.
pub struct Running(pub Child);

impl Running {
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.0), signal).unwrap();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
