// SPDX-License-Identifier: MIT OR Apache-2.0
//! The live table under the job control of a shell, at a terminal that script(1) makes.

#[path = "board/src/frames.rs"]
#[allow(dead_code)]
mod frames;
#[path = "support/lan.rs"]
mod lan;
#[path = "board/src/link.rs"]
#[allow(dead_code)]
mod link;
mod support;

use std::io::{Read, Write};
use std::process::{ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use lan::{OURS, inside};
use support::skip::skip;
use support::tempdir::TempDir;
use support::{EXE, Guarded};

const PATIENCE: Duration = Duration::from_secs(20);

/// A shell at a terminal.
struct Terminal {
    shell: Guarded,
    keys: ChildStdin,
    shown: Receiver<Vec<u8>>,
}

impl Terminal {
    /// Starts a shell that has the commands of `text`, in which `$TABLE` shows the live table.
    fn open(directory: &TempDir, text: &str) -> Option<Self> {
        let file = directory.path().join("commands");
        let table =
            format!("{EXE} bandwidth -i {OURS} --interval 200ms --no-ptr --config /dev/null");
        std::fs::write(&file, format!("TABLE='{table}'\n{text}")).unwrap();
        let mut command = Command::new("script");
        command.args(["-qec", &format!("sh -m {}", file.display()), "/dev/null"]);
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let Ok(mut shell) = command.spawn() else {
            skip("no script(1)");
            return None;
        };
        let (keys, mut screen) = (shell.stdin.take()?, shell.stdout.take()?);
        let (sender, shown) = mpsc::channel();
        std::thread::spawn(move || {
            let mut bytes = [0; 4_096];
            while let Ok(len @ 1..) = screen.read(&mut bytes) {
                let _ = sender.send(bytes[..len].to_vec());
            }
        });
        let shell = Guarded(shell);
        Some(Self { shell, keys, shown })
    }

    /// Waits until `words` are shown; the rest of that line, and of what came with it.
    #[track_caller]
    fn wait_for(&self, words: &str) -> String {
        let (start, mut text) = (Instant::now(), String::new());
        loop {
            if let Some((_, rest)) = text.split_once(words)
                && let Some((line, _)) = rest.split_once('\n')
            {
                return line.trim_end().to_owned();
            }
            let left = PATIENCE.saturating_sub(start.elapsed());
            let bytes = self.shown.recv_timeout(left);
            let bytes = bytes.unwrap_or_else(|_| panic!("no {words:?} in {text:?}"));
            text.push_str(&String::from_utf8_lossy(&bytes));
        }
    }

    fn press(&mut self, keys: &[u8]) {
        self.keys.write_all(keys).unwrap();
    }
}

#[test]
fn who_stops_gives_the_terminal_back_and_takes_it_again() {
    inside(
        "who_stops_gives_the_terminal_back_and_takes_it_again",
        || {
            let commands = "$TABLE\necho stopped $(stty -a | grep -ow -e '-*icanon' -e '-*echo')\n\
                        fg > /dev/null\n\
                        echo ended $? $(stty -a | grep -ow -e '-*icanon' -e '-*echo')\n";
            let directory = TempDir::new();
            let Some(mut terminal) = Terminal::open(&directory, commands) else {
                return;
            };
            terminal.wait_for("frames seen, 0 lost, on ");
            terminal.press(b"\x1a");
            assert_eq!(terminal.wait_for("stopped "), "icanon echo");
            terminal.wait_for("frames seen");
            terminal.press(b"q");
            assert_eq!(terminal.wait_for("ended "), "0 icanon echo");
            assert_eq!(terminal.shell.wait(PATIENCE), Some(0));
        },
    );
}

#[test]
fn who_goes_on_in_the_background_ends_there() {
    inside("who_goes_on_in_the_background_ends_there", || {
        let commands = "$TABLE --count 3\nbg > /dev/null\nwait %1\necho ended $?\n";
        let directory = TempDir::new();
        let Some(mut terminal) = Terminal::open(&directory, commands) else {
            return;
        };
        terminal.wait_for("frames seen");
        terminal.press(b"\x1a");
        assert_eq!(terminal.wait_for("ended "), "0");
        assert_eq!(terminal.shell.wait(PATIENCE), Some(0));
    });
}

#[test]
fn who_starts_in_the_background_hears_the_keys_once_in_the_foreground() {
    inside(
        "who_starts_in_the_background_hears_the_keys_once_in_the_foreground",
        || {
            let commands = "$TABLE &\nsleep 1\nfg > /dev/null\necho ended $?\n";
            let directory = TempDir::new();
            let Some(mut terminal) = Terminal::open(&directory, commands) else {
                return;
            };
            // A key that is pressed early waits for its reader.
            terminal.press(b"q\n");
            assert_eq!(terminal.wait_for("ended "), "0");
        },
    );
}
