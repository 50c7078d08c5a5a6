//! Which lanes an instruction set's kernels run on: by what they are, not by their name.

use super::{Shape, Shapes, Subject, Suite, on_every_isa};
use crate::isa::{Element, Isa};

/// The lanes that `isa` must run with an element of so many bytes, from the width of its vectors and the tile
/// that its kernels were tuned to.
fn expected(isa: Isa, element: usize) -> Shape {
    let (bytes, registers, [narrow, wide]) = match isa {
        Isa::Portable => (16, 16, [(4, 3, 12), (3, 3, 6)]),
        Isa::Avx2 => (32, 16, [(6, 2, 48), (6, 2, 24)]),
        Isa::Avx512 => (64, 32, [(8, 3, 48), (8, 3, 24)]),
        Isa::Neon => (16, 32, [(8, 3, 24), (8, 3, 24)]),
    };
    let len = bytes / element;
    let (tile_rows, vectors, panel) = if element == 4 { narrow } else { wide };
    Shape { len, registers, tile_rows, tile_columns: vectors * len, panel }
}

struct Dispatch;

impl Suite for Dispatch {
    const KERNEL: &'static str = "dispatch";
    fn run<T: Element>(on: Subject<T>) {
        let _case = on.case(|| "the shape of the lanes".to_owned());
        assert_eq!(on.run(Shapes), expected(on.selected().isa(), size_of::<T>()));
    }
}

#[test]
fn every_instruction_set_runs_lanes_of_its_own() {
    on_every_isa::<Dispatch>();
}
