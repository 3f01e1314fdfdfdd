//! The job engine: queue, worker pool, leases kept alive, retries, cancel, time-out, clean-up.
