//! What every front can ask for: connections, configs, mappings, jobs, monitoring. All rules live here, so that what can be done in one front can be done in all.
