//! Front: the service's listener.
