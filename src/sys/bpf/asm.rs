// SPDX-License-Identifier: MIT OR Apache-2.0
//! Assembles eBPF programs (RFC 9669): instructions, labels, and the bytes for either byte order.

use std::os::fd::RawFd;

/// A register; [`R10`] is the end of the stack and only read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Register(u8);

pub const R0: Register = Register(0);
pub const R1: Register = Register(1);
pub const R2: Register = Register(2);
pub const R3: Register = Register(3);
pub const R4: Register = Register(4);
pub const R5: Register = Register(5);
pub const R6: Register = Register(6);
pub const R7: Register = Register(7);
pub const R8: Register = Register(8);
pub const R9: Register = Register(9);
pub const R10: Register = Register(10);

/// What an operation takes besides its target; a constant is extended with its sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operand {
    Constant(i32),
    Register(Register),
}

impl From<i32> for Operand {
    fn from(value: i32) -> Self {
        Self::Constant(value)
    }
}

impl From<Register> for Operand {
    fn from(register: Register) -> Self {
        Self::Register(register)
    }
}

/// How much is loaded or stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Width {
    Byte = 0x10,
    Half = 0x08,
    Word = 0x00,
    Double = 0x18,
}

/// Arithmetic on 64 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    Add = 0x00,
    Subtract = 0x10,
    Multiply = 0x20,
    Or = 0x40,
    And = 0x50,
    ShiftLeft = 0x60,
    ShiftRight = 0x70,
    Move = 0xb0,
}

/// When a jump is taken; unsigned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    Equal = 0x10,
    AtLeast = 0x30,
    AnyBitOf = 0x40,
    NotEqual = 0x50,
}

/// Functions of the kernel (bpf-helpers(7)); none of them asks for a GPL program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Helper {
    MapLookup = 1,
    MapUpdate = 2,
    SkbLoadBytes = 26,
}

/// A place in the program, to be jumped to from above.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Label(usize);

/// The byte order that instructions are written in: that of the machine they run on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ByteOrder {
    Little,
    Big,
}

impl ByteOrder {
    /// That of this machine.
    pub const NATIVE: Self = if cfg!(target_endian = "big") {
        Self::Big
    } else {
        Self::Little
    };
}

#[derive(Clone, Copy, Debug)]
struct Instruction {
    code: u8,
    target: u8,
    source: u8,
    offset: i16,
    constant: i32,
}

/// Bytes of an instruction.
pub const INSTRUCTION_BYTES: usize = 8;

// Classes and modes of RFC 9669 section 3.
const LOAD_CONSTANT: u8 = 0x00;
const LOAD: u8 = 0x61;
const STORE_CONSTANT: u8 = 0x62;
const STORE_REGISTER: u8 = 0x63;
const ARITHMETIC_32: u8 = 0x04;
const JUMP: u8 = 0x05;
const ARITHMETIC_64: u8 = 0x07;
const FROM_REGISTER: u8 = 0x08;
const DIVIDE: u8 = 0x30;
const TO_BIG_ENDIAN: u8 = 0xd8;
const CALL: u8 = 0x80;
const EXIT: u8 = 0x90;

/// The source register's number says that a constant is the descriptor of a map.
const PSEUDO_MAP_FD: u8 = 1;

/// A program in the making.
#[derive(Debug, Default)]
pub struct Assembler {
    code: Vec<Instruction>,
    /// Where each label was placed.
    places: Vec<Option<usize>>,
    /// Jumps, by the place of the instruction.
    jumps: Vec<(usize, Label)>,
}

impl Assembler {
    fn push(&mut self, code: u8, target: Register, source: u8, offset: i16, constant: i32) {
        self.code.push(Instruction {
            code,
            target: target.0,
            source,
            offset,
            constant,
        });
    }

    fn operate(&mut self, code: u8, target: Register, operand: Operand) {
        match operand {
            Operand::Constant(value) => self.push(code, target, 0, 0, value),
            Operand::Register(register) => {
                self.push(code | FROM_REGISTER, target, register.0, 0, 0);
            }
        }
    }

    /// A label that is placed later.
    pub fn label(&mut self) -> Label {
        self.places.push(None);
        Label(self.places.len() - 1)
    }

    /// Puts `label` before the next instruction.
    pub fn place(&mut self, label: Label) {
        self.places[label.0] = Some(self.code.len());
    }

    /// `target = target operation operand`, in 64 bits.
    pub fn calculate(&mut self, operation: Operation, target: Register, by: impl Into<Operand>) {
        self.operate(operation as u8 | ARITHMETIC_64, target, by.into());
    }

    /// `target = operand`.
    pub fn set(&mut self, target: Register, operand: impl Into<Operand>) {
        self.calculate(Operation::Move, target, operand);
    }

    /// `target = target / operand` in 32 bits: the compiler for ARM32 knows no wider division.
    pub fn divide_32(&mut self, target: Register, by: impl Into<Operand>) {
        self.operate(DIVIDE | ARITHMETIC_32, target, by.into());
    }

    /// Turns the low `bits` (16, 32, 64) from network order to that of the machine; the rest of the
    /// register becomes zero.
    pub fn network_to_host(&mut self, target: Register, bits: i32) {
        self.operate(TO_BIG_ENDIAN | ARITHMETIC_32, target, bits.into());
    }

    /// `target = *(base + offset)`, the rest of the register becomes zero.
    pub fn load(&mut self, width: Width, target: Register, base: Register, offset: i16) {
        self.push(width as u8 | LOAD, target, base.0, offset, 0);
    }

    /// `*(base + offset) = value`.
    pub fn store(&mut self, width: Width, base: Register, offset: i16, value: impl Into<Operand>) {
        let width = width as u8;
        match value.into() {
            Operand::Constant(value) => self.push(STORE_CONSTANT | width, base, 0, offset, value),
            Operand::Register(value) => self.push(STORE_REGISTER | width, base, value.0, offset, 0),
        }
    }

    /// `target = ` the map behind this descriptor.
    pub fn map(&mut self, target: Register, map: RawFd) {
        let code = LOAD_CONSTANT | Width::Double as u8;
        self.push(code, target, PSEUDO_MAP_FD, 0, map);
        self.push(0, R0, 0, 0, 0);
    }

    /// Goes to `label`.
    pub fn jump(&mut self, label: Label) {
        self.jumps.push((self.code.len(), label));
        self.push(JUMP, R0, 0, 0, 0);
    }

    /// Goes to `label` when the test holds for `left` and `right`.
    pub fn jump_if(&mut self, left: Register, when: When, right: impl Into<Operand>, label: Label) {
        self.jumps.push((self.code.len(), label));
        self.operate(when as u8 | JUMP, left, right.into());
    }

    /// Calls a function with the arguments R1 to R5, which it spoils; R0 is its result.
    pub fn call(&mut self, helper: Helper) {
        self.push(CALL | JUMP, R0, 0, 0, helper as i32);
    }

    /// Ends the program; R0 is its result.
    pub fn exit(&mut self) {
        self.push(EXIT | JUMP, R0, 0, 0, 0);
    }

    /// The program in bytes.
    pub fn finish(mut self, order: ByteOrder) -> Vec<u8> {
        for (from, label) in self.jumps {
            let to = self.places[label.0].expect("every label is placed");
            // Counted from the instruction behind the jump; old kernels take no loops.
            let step = to.checked_sub(from + 1).expect("jumps lead down");
            self.code[from].offset = i16::try_from(step).expect("a short program");
        }
        let bytes = self.code.iter().map(|instruction| instruction.bytes(order));
        bytes.collect::<Vec<_>>().concat()
    }
}

impl Instruction {
    /// `struct bpf_insn`: its two registers are bit fields, so their place follows the byte order
    /// too.
    fn bytes(self, order: ByteOrder) -> [u8; INSTRUCTION_BYTES] {
        let (registers, [a, b], [c, d, e, f]) = match order {
            ByteOrder::Little => (
                self.source << 4 | self.target,
                self.offset.to_le_bytes(),
                self.constant.to_le_bytes(),
            ),
            ByteOrder::Big => (
                self.target << 4 | self.source,
                self.offset.to_be_bytes(),
                self.constant.to_be_bytes(),
            ),
        };
        [self.code, registers, a, b, c, d, e, f]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(write: impl Fn(&mut Assembler), little: &[[u8; 8]], big: &[[u8; 8]]) {
        for (order, expected) in [(ByteOrder::Little, little), (ByteOrder::Big, big)] {
            let mut p = Assembler::default();
            write(&mut p);
            assert_eq!(p.finish(order), expected.concat(), "{order:?}");
        }
    }

    #[test]
    fn registers_swap_with_the_byte_order() {
        check(
            |p| p.set(R6, R1),
            &[[0xbf, 0x16, 0, 0, 0, 0, 0, 0]],
            &[[0xbf, 0x61, 0, 0, 0, 0, 0, 0]],
        );
        check(
            |p| p.calculate(Operation::Add, R2, -8),
            &[[0x07, 0x02, 0, 0, 0xf8, 0xff, 0xff, 0xff]],
            &[[0x07, 0x20, 0, 0, 0xff, 0xff, 0xff, 0xf8]],
        );
    }

    #[test]
    fn memory_is_loaded_and_stored() {
        check(
            |p| {
                p.load(Width::Byte, R1, R10, -30);
                p.load(Width::Word, R3, R6, 164);
                p.store(Width::Double, R10, -8, 0);
                p.store(Width::Double, R9, 16, R1);
                p.store(Width::Half, R10, -32, 7);
                p.store(Width::Half, R10, -32, R4);
            },
            &[
                [0x71, 0xa1, 0xe2, 0xff, 0, 0, 0, 0],
                [0x61, 0x63, 164, 0, 0, 0, 0, 0],
                [0x7a, 0x0a, 0xf8, 0xff, 0, 0, 0, 0],
                [0x7b, 0x19, 16, 0, 0, 0, 0, 0],
                [0x6a, 0x0a, 0xe0, 0xff, 7, 0, 0, 0],
                [0x6b, 0x4a, 0xe0, 0xff, 0, 0, 0, 0],
            ],
            &[
                [0x71, 0x1a, 0xff, 0xe2, 0, 0, 0, 0],
                [0x61, 0x36, 0, 164, 0, 0, 0, 0],
                [0x7a, 0xa0, 0xff, 0xf8, 0, 0, 0, 0],
                [0x7b, 0x91, 0, 16, 0, 0, 0, 0],
                [0x6a, 0xa0, 0xff, 0xe0, 0, 0, 0, 7],
                [0x6b, 0xa4, 0xff, 0xe0, 0, 0, 0, 0],
            ],
        );
    }

    #[test]
    fn a_map_takes_two_instructions() {
        check(
            |p| {
                p.map(R1, 0x0102);
                p.call(Helper::SkbLoadBytes);
            },
            &[
                [0x18, 0x11, 0, 0, 2, 1, 0, 0],
                [0; 8],
                [0x85, 0, 0, 0, 26, 0, 0, 0],
            ],
            &[
                [0x18, 0x11, 0, 0, 0, 0, 1, 2],
                [0; 8],
                [0x85, 0, 0, 0, 0, 0, 0, 26],
            ],
        );
    }

    #[test]
    fn arithmetic_has_the_width_that_it_says() {
        let codes = |write: fn(&mut Assembler)| {
            let mut p = Assembler::default();
            write(&mut p);
            p.finish(ByteOrder::Big)
        };
        assert_eq!(codes(|p| p.divide_32(R3, R2))[..2], [0x3c, 0x32]);
        assert_eq!(
            codes(|p| p.network_to_host(R1, 64)),
            [0xdc, 0x10, 0, 0, 0, 0, 0, 64]
        );
        let shift = codes(|p| p.calculate(Operation::ShiftRight, R2, 16));
        assert_eq!(shift, [0x77, 0x20, 0, 0, 0, 0, 0, 16]);
        assert_eq!(codes(Assembler::exit)[0], 0x95);
    }

    #[test]
    fn jumps_count_from_the_next_instruction() {
        let write = |p: &mut Assembler| {
            let (near, far) = (p.label(), p.label());
            p.jump_if(R1, When::AnyBitOf, 1, far);
            p.jump_if(R2, When::NotEqual, R3, near);
            p.jump(far);
            p.place(near);
            p.exit();
            p.place(far);
            p.exit();
        };
        check(
            write,
            &[
                [0x45, 0x01, 3, 0, 1, 0, 0, 0],
                [0x5d, 0x32, 1, 0, 0, 0, 0, 0],
                [0x05, 0, 1, 0, 0, 0, 0, 0],
                [0x95, 0, 0, 0, 0, 0, 0, 0],
                [0x95, 0, 0, 0, 0, 0, 0, 0],
            ],
            &[
                [0x45, 0x10, 0, 3, 0, 0, 0, 1],
                [0x5d, 0x23, 0, 1, 0, 0, 0, 0],
                [0x05, 0, 0, 1, 0, 0, 0, 0],
                [0x95, 0, 0, 0, 0, 0, 0, 0],
                [0x95, 0, 0, 0, 0, 0, 0, 0],
            ],
        );
    }
}
