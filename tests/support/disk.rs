// SPDX-License-Identifier: MIT OR Apache-2.0
//! A directory in memory that several processes share, and on which one can be killed after any
//! byte that it writes and any other step.
#![allow(dead_code)]

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::ffi::{CStr, CString};
use std::io::{self, ErrorKind};
use std::rc::Rc;

use netvitals::sink::spool::store::Store;

/// A file; the lock belongs to an open file, by its number.
#[derive(Default)]
pub struct Content {
    pub bytes: RefCell<Vec<u8>>,
    lock: Cell<Option<u32>>,
    links: Cell<u32>,
}

/// What outlives a process.
#[derive(Default)]
pub struct Disk {
    pub files: RefCell<BTreeMap<CString, Rc<Content>>>,
    lock: Cell<Option<u32>>,
    next: Cell<u32>,
    /// Bytes that fit; `None`: any number.
    pub room: Cell<Option<usize>>,
    pub read_only: Cell<bool>,
    pub vanished: Cell<bool>,
    pub syncs: Cell<u32>,
    pub writes: Cell<u32>,
}

impl Disk {
    pub fn new() -> Rc<Self> {
        Rc::default()
    }

    /// The directory as one process sees it, which is killed after `steps` steps.
    pub fn process(self: &Rc<Self>, steps: u64) -> Process {
        Process {
            disk: Rc::clone(self),
            handle: self.number(),
            steps: Rc::new(Cell::new(steps)),
        }
    }

    fn number(&self) -> u32 {
        self.next.set(self.next.get() + 1);
        self.next.get()
    }

    pub fn bytes(&self) -> usize {
        let files = self.files.borrow();
        files.values().map(|file| file.bytes.borrow().len()).sum()
    }

    pub fn names(&self) -> Vec<String> {
        let files = self.files.borrow();
        files
            .keys()
            .map(|name| name.to_str().unwrap().to_owned())
            .collect()
    }

    /// The files whose name ends so.
    pub fn ending(&self, end: &str) -> Vec<Rc<Content>> {
        let files = self.files.borrow();
        let files = files.iter();
        let files = files.filter(|(name, _)| name.to_str().unwrap().ends_with(end));
        files.map(|(_, file)| Rc::clone(file)).collect()
    }

    pub fn put(&self, name: &str, bytes: &[u8]) {
        let file = Rc::<Content>::default();
        file.bytes.borrow_mut().extend_from_slice(bytes);
        file.links.set(1);
        self.files
            .borrow_mut()
            .insert(CString::new(name).unwrap(), file);
    }
}

/// One process's view; dropping it releases its lock.
pub struct Process {
    disk: Rc<Disk>,
    handle: u32,
    pub steps: Rc<Cell<u64>>,
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.disk.lock.get() == Some(self.handle) {
            self.disk.lock.set(None);
        }
    }
}

impl Process {
    /// One step, unless the process is dead.
    fn step(&self) -> io::Result<()> {
        match self.steps.get().checked_sub(1) {
            Some(left) => self.steps.set(left),
            None => return Err(io::Error::other("killed")),
        }
        Ok(())
    }

    fn changing(&self) -> io::Result<()> {
        self.step()?;
        if self.disk.read_only.get() {
            return Err(ErrorKind::ReadOnlyFilesystem.into());
        }
        Ok(())
    }

    fn named(&self, name: &CStr) -> io::Result<Rc<Content>> {
        let files = self.disk.files.borrow();
        Ok(Rc::clone(files.get(name).ok_or(ErrorKind::NotFound)?))
    }

    fn handle(&self, content: Rc<Content>) -> Handle {
        let number = self.disk.number();
        Handle { content, number }
    }
}

/// An open file; dropping it releases its lock.
pub struct Handle {
    content: Rc<Content>,
    number: u32,
}

impl Drop for Handle {
    fn drop(&mut self) {
        if self.content.lock.get() == Some(self.number) {
            self.content.lock.set(None);
        }
    }
}

fn obtain(lock: &Cell<Option<u32>>, by: u32) -> bool {
    let free = lock.get().is_none_or(|holder| holder == by);
    if free {
        lock.set(Some(by));
    }
    free
}

impl Store for Process {
    type File = Handle;

    fn lock(&mut self) -> io::Result<bool> {
        self.step()?;
        Ok(obtain(&self.disk.lock, self.handle))
    }

    fn list(&self, each: &mut dyn FnMut(&CStr, u64)) -> io::Result<()> {
        self.step()?;
        for (name, file) in self.disk.files.borrow().iter() {
            each(name, file.bytes.borrow().len() as u64);
        }
        Ok(())
    }

    fn create(&self, name: &CStr) -> io::Result<Handle> {
        self.changing()?;
        if self.disk.vanished.get() {
            return Err(ErrorKind::NotFound.into());
        }
        if self.named(name).is_ok() {
            return Err(ErrorKind::AlreadyExists.into());
        }
        self.disk.put(name.to_str().unwrap(), b"");
        Ok(self.handle(self.named(name)?))
    }

    fn open(&self, name: &CStr) -> io::Result<Handle> {
        self.step()?;
        Ok(self.handle(self.named(name)?))
    }

    fn try_lock(&self, file: &Handle) -> io::Result<bool> {
        self.step()?;
        Ok(obtain(&file.content.lock, file.number))
    }

    fn status(&self, file: &Handle) -> io::Result<(u64, bool)> {
        self.step()?;
        let linked = file.content.links.get() > 0 && !self.disk.vanished.get();
        Ok((file.content.bytes.borrow().len() as u64, linked))
    }

    fn append(&self, file: &Handle, parts: [&[u8]; 2]) -> io::Result<()> {
        self.changing()?;
        self.disk.writes.set(self.disk.writes.get() + 1);
        for byte in parts.concat() {
            let full = |room| self.disk.bytes() >= room;
            if self.disk.room.get().is_some_and(full) {
                return Err(ErrorKind::StorageFull.into());
            }
            self.step()?;
            file.content.bytes.borrow_mut().push(byte);
        }
        Ok(())
    }

    fn read_at(&self, file: &Handle, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        self.step()?;
        let bytes = file.content.bytes.borrow();
        let rest = bytes.get(offset as usize..).unwrap_or_default();
        // Never all at once.
        let len = rest.len().min(buffer.len()).min(1_000);
        buffer[..len].copy_from_slice(&rest[..len]);
        Ok(len)
    }

    fn truncate(&self, file: &Handle, bytes: u64) -> io::Result<()> {
        self.changing()?;
        file.content.bytes.borrow_mut().resize(bytes as usize, 0);
        Ok(())
    }

    fn sync(&self, _: &Handle) -> io::Result<()> {
        self.changing()?;
        self.disk.syncs.set(self.disk.syncs.get() + 1);
        Ok(())
    }

    fn sync_names(&self) -> io::Result<()> {
        self.changing()
    }

    fn rename(&self, from: &CStr, to: &CStr) -> io::Result<()> {
        self.changing()?;
        let file = self.disk.files.borrow_mut().remove(from);
        let file = file.ok_or(ErrorKind::NotFound)?;
        if let Some(old) = self.disk.files.borrow_mut().insert(to.to_owned(), file) {
            old.links.set(0);
        }
        Ok(())
    }

    fn remove(&self, name: &CStr) -> io::Result<()> {
        self.changing()?;
        let file = self.disk.files.borrow_mut().remove(name);
        file.ok_or(ErrorKind::NotFound)?.links.set(0);
        Ok(())
    }
}
