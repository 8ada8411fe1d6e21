// SPDX-License-Identifier: MIT OR Apache-2.0
//! Objects gathered to slices: JSON arrays of at most a hundred, in one buffer.

use crate::limits::{TSTAT_SLICE_BYTES_MAX, TSTAT_SLICE_OBJECTS_MAX};

/// The slice in the making.
#[derive(Debug)]
pub struct Slices {
    body: Vec<u8>,
    /// Where the object in the making begins, with what separates it from the one before.
    mark: usize,
    objects: u32,
    /// Number of the slice in its directory.
    number: u64,
}

/// Takes a finished slice: its number, its body, how many objects it holds.
pub type Emit<'a, E> = &'a mut dyn FnMut(u64, &[u8], u32) -> Result<(), E>;

impl Default for Slices {
    fn default() -> Self {
        Self {
            body: Vec::with_capacity(TSTAT_SLICE_BYTES_MAX),
            mark: 0,
            objects: 0,
            number: 0,
        }
    }
}

impl Slices {
    /// Begins with another directory.
    pub fn reset(&mut self) {
        self.body.clear();
        (self.mark, self.objects, self.number) = (0, 0, 0);
    }

    /// How many slices were finished.
    pub fn count(&self) -> u64 {
        self.number
    }

    /// Where to write the next object; [`Slices::keep`] or [`Slices::discard`] follows.
    pub fn draft(&mut self) -> &mut Vec<u8> {
        self.mark = self.body.len();
        self.body.push(if self.objects == 0 { b'[' } else { b',' });
        &mut self.body
    }

    /// Forgets what was written.
    pub fn discard(&mut self) {
        self.body.truncate(self.mark);
    }

    /// Keeps what was written; false when it is too large for any slice.
    ///
    /// # Errors
    /// What `emit` says of a slice that became full.
    pub fn keep<E>(&mut self, emit: Emit<'_, E>) -> Result<bool, E> {
        // With the bracket at its end.
        if self.body.len() >= TSTAT_SLICE_BYTES_MAX {
            let object = self.body.split_off(self.mark + 1);
            self.discard();
            if object.len() + 2 > TSTAT_SLICE_BYTES_MAX {
                self.body.shrink_to(TSTAT_SLICE_BYTES_MAX);
                return Ok(false);
            }
            self.finish(emit)?;
            self.draft().extend_from_slice(&object);
        }
        self.objects += 1;
        if self.objects == TSTAT_SLICE_OBJECTS_MAX {
            self.finish(emit)?;
        }
        Ok(true)
    }

    /// Ends the slice, if it holds anything.
    ///
    /// # Errors
    /// What `emit` says.
    pub fn finish<E>(&mut self, emit: Emit<'_, E>) -> Result<(), E> {
        if self.objects == 0 {
            return Ok(());
        }
        self.body.push(b']');
        let (number, objects) = (self.number, self.objects);
        (self.number, self.objects) = (number + 1, 0);
        let result = emit(number, &self.body, objects);
        self.body.clear();
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::convert::Infallible;

    /// Number, length and objects of the slices that objects of these lengths make, and which of
    /// them are too large.
    fn slices(lens: &[usize]) -> (Vec<(u64, usize, u32)>, Vec<usize>) {
        let (mut slices, mut found, mut refused) = (Slices::default(), Vec::new(), Vec::new());
        let mut emit = |number, body: &[u8], objects| {
            assert!(body.len() <= TSTAT_SLICE_BYTES_MAX);
            assert!(body.starts_with(b"[x") && body.ends_with(b"x]"));
            found.push((number, body.len(), objects));
            Ok::<_, Infallible>(())
        };
        for (i, len) in lens.iter().enumerate() {
            slices.draft().extend(core::iter::repeat_n(b'x', *len));
            if !slices.keep(&mut emit).unwrap() {
                refused.push(i);
            }
        }
        slices.finish(&mut emit).unwrap();
        (found, refused)
    }

    #[test]
    fn a_slice_holds_a_hundred() {
        assert_eq!(slices(&[]).0, []);
        assert_eq!(slices(&[1; 99]).0, [(0, 199, 99)]);
        assert_eq!(slices(&[1; 100]).0, [(0, 201, 100)]);
        assert_eq!(
            slices(&[1; 201]).0,
            [(0, 201, 100), (1, 201, 100), (2, 3, 1)]
        );
    }

    #[test]
    fn a_slice_has_room_for_what_fits() {
        const MAX: usize = TSTAT_SLICE_BYTES_MAX;
        assert_eq!(slices(&[MAX - 2]), (vec![(0, MAX, 1)], vec![]));
        assert_eq!(slices(&[MAX - 1]), (vec![], vec![0]));
        assert_eq!(slices(&[5, MAX - 8]), (vec![(0, MAX, 2)], vec![]));
        assert_eq!(
            slices(&[5, MAX - 7]),
            (vec![(0, 7, 1), (1, MAX - 5, 1)], vec![])
        );
        assert_eq!(slices(&[5, MAX, 6]), (vec![(0, 14, 2)], vec![1]));
    }
}
