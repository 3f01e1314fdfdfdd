//! What stderr gets: lines, nothing, or lines through somebody who knows the screen.

use std::fmt;
use std::io::{self, Write};
use std::sync::{Arc, PoisonError, RwLock};

use tracing_subscriber::fmt::MakeWriter;

type Sink = Arc<dyn Fn(&str) + Send + Sync>;

#[derive(Clone)]
enum Route {
    Direct,
    Silent,
    Through(Sink),
}

/// Says what stderr gets; clones say it together.
#[derive(Clone)]
pub struct StderrHandle(Arc<RwLock<Route>>);

impl StderrHandle {
    pub(super) fn new(on: bool) -> Self {
        let route = if on { Route::Direct } else { Route::Silent };
        Self(Arc::new(RwLock::new(route)))
    }

    /// Lines go to stderr.
    pub fn direct(&self) {
        self.route(Route::Direct);
    }

    /// Nothing goes to stderr: the dashboard has the terminal.
    pub fn silence(&self) {
        self.route(Route::Silent);
    }

    /// Each line, with its newline, goes to `sink`: progress bars step aside and print it.
    pub fn through(&self, sink: impl Fn(&str) + Send + Sync + 'static) {
        self.route(Route::Through(Arc::new(sink)));
    }

    fn route(&self, route: Route) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = route;
    }
}

impl fmt::Debug for StderrHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StderrHandle")
    }
}

impl<'a> MakeWriter<'a> for StderrHandle {
    type Writer = StderrWriter;

    fn make_writer(&'a self) -> StderrWriter {
        // Cloned, so that a sink that logs does not wait for itself.
        let route = self
            .0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        StderrWriter(route)
    }
}

pub struct StderrWriter(Route);

impl Write for StderrWriter {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        match &self.0 {
            Route::Silent => {}
            Route::Through(sink) => sink(&String::from_utf8_lossy(line)),
            // A closed stderr is no reason to stop.
            Route::Direct => {
                let _ = io::stderr().lock().write_all(line);
            }
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
