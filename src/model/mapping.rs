//! The mapping document: connections and configs as one reviewable object.
