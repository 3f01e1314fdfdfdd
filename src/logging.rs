//! Logs of this process: levels per module, text or JSON, daily files, a bounded ring for the dashboard, redaction.
