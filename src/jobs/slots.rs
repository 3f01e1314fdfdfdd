//! Places for jobs: so many at once, a number that may change while jobs run.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Places for jobs.
pub struct Slots {
    places: Arc<Semaphore>,
    size: Mutex<Size>,
}

struct Size {
    /// Places that there are to be; at least one.
    wanted: usize,
    /// Places too many, all of them taken: each goes when its job ends.
    owed: usize,
}

/// A place that is taken until this is dropped.
pub struct Slot {
    slots: Arc<Slots>,
    permit: Option<OwnedSemaphorePermit>,
}

impl Slots {
    /// So many places; at least one.
    #[must_use]
    pub fn new(wanted: usize) -> Arc<Self> {
        let wanted = wanted.max(1);
        Arc::new(Self {
            places: Arc::new(Semaphore::new(wanted)),
            size: Mutex::new(Size { wanted, owed: 0 }),
        })
    }

    /// Free places.
    #[must_use]
    pub fn free(&self) -> usize {
        self.places.available_permits()
    }

    /// A place, if there is a free one.
    #[must_use]
    pub fn take(self: &Arc<Self>) -> Option<Slot> {
        let permit = Arc::clone(&self.places).try_acquire_owned().ok()?;
        Some(self.taken(permit))
    }

    /// A place, as soon as there is one; `None` when there will never be.
    pub async fn wait(self: &Arc<Self>) -> Option<Slot> {
        let permit = Arc::clone(&self.places).acquire_owned().await.ok()?;
        Some(self.taken(permit))
    }

    /// So many places from here on. Jobs that run keep theirs.
    pub fn resize(&self, wanted: usize) {
        let wanted = wanted.max(1);
        let mut size = self.size.lock().unwrap_or_else(PoisonError::into_inner);
        if wanted >= size.wanted {
            let more = wanted - size.wanted;
            let kept = more.min(size.owed);
            size.owed -= kept;
            self.places.add_permits(more - kept);
        } else {
            let fewer = size.wanted - wanted;
            size.owed += fewer - self.places.forget_permits(fewer);
        }
        size.wanted = wanted;
    }

    fn taken(self: &Arc<Self>, permit: OwnedSemaphorePermit) -> Slot {
        Slot {
            slots: Arc::clone(self),
            permit: Some(permit),
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut size = self
            .slots
            .size
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let permit = self.permit.take();
        if size.owed > 0 {
            size.owed -= 1;
            if let Some(permit) = permit {
                permit.forget();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_places_are_there_at_once() {
        let slots = Slots::new(1);
        let one = slots.take().unwrap();
        assert!(slots.take().is_none());
        slots.resize(3);
        assert_eq!(slots.free(), 2);
        drop(one);
        assert_eq!(slots.free(), 3);
    }

    #[test]
    fn fewer_places_take_none_from_those_who_have_one() {
        let slots = Slots::new(4);
        let taken: Vec<Slot> = (0..3).map_while(|_| slots.take()).collect();
        assert_eq!(taken.len(), 3);
        slots.resize(2);
        assert_eq!(slots.free(), 0);
        drop(taken);
        assert_eq!(slots.free(), 2);
    }

    #[test]
    fn what_is_owed_is_given_back_first() {
        let slots = Slots::new(4);
        let mut taken: Vec<Slot> = (0..4).map_while(|_| slots.take()).collect();
        slots.resize(1);
        slots.resize(3);
        assert_eq!(slots.free(), 0);
        taken.pop();
        assert_eq!(slots.free(), 0, "one place too many is gone");
        taken.pop();
        assert_eq!(slots.free(), 1);
        drop(taken);
        assert_eq!(slots.free(), 3);
        slots.resize(0);
        assert_eq!(slots.free(), 1, "there is always one");
    }
}
