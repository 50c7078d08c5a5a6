//! npy, npz and safetensors.

use crate::files::table::{Labels, Table};
use ndarray::{Array2, ShapeBuilder, arr1};
use ndarray_npy::{NpzWriter, WritableElement, WriteNpyExt};
use safetensors::{Dtype, tensor::TensorView};
use std::{collections::HashMap, io::Cursor};

fn singles(table: &Table) -> Array2<f32> {
    Array2::from_shape_fn((table.rows, table.features), |(row, feature)| table.single(row, feature))
}

fn doubles(table: &Table) -> Array2<f64> {
    Array2::from_shape_vec((table.rows, table.features), table.values.clone()).expect("rows times features")
}

pub(super) fn npy(table: &Table, column_major: bool) -> Vec<u8> {
    fn write<T: WritableElement + Clone>(array: Array2<T>, column_major: bool) -> Vec<u8> {
        let mut bytes = Vec::new();
        let array = if column_major {
            let columns: Vec<T> = array.t().iter().cloned().collect();
            Array2::from_shape_vec(array.raw_dim().f(), columns).expect("as many elements")
        } else {
            array
        };
        array.write_npy(&mut bytes).expect("a vector grows");
        bytes
    }
    if table.double { write(doubles(table), column_major) } else { write(singles(table), column_major) }
}

pub(super) fn npy_labels(table: &Table) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    match &table.labels {
        Labels::Integers(labels) => arr1(labels).write_npy(&mut bytes).expect("a vector grows"),
        Labels::Names(names) => {
            // NumPy's text is of one width, in characters of four bytes, and ends with zeros.
            let width = names.iter().map(|name| name.chars().count()).max().unwrap_or(1).max(1);
            let header =
                format!("{{'descr': '<U{width}', 'fortran_order': False, 'shape': ({},), }}\n", names.len());
            bytes.extend(b"\x93NUMPY\x01\0");
            bytes.extend(u16::try_from(header.len()).ok()?.to_le_bytes());
            bytes.extend(header.bytes());
            for name in names {
                let padding = std::iter::repeat_n('\0', width - name.chars().count());
                bytes.extend(name.chars().chain(padding).flat_map(|c| u32::from(c).to_le_bytes()));
            }
        }
    }
    Some(bytes)
}

pub(super) fn npz(table: &Table, compressed: bool) -> Option<Vec<u8>> {
    let Labels::Integers(labels) = &table.labels else { return None };
    let bytes = Cursor::new(Vec::new());
    let mut npz = if compressed { NpzWriter::new_compressed(bytes) } else { NpzWriter::new(bytes) };
    if table.double {
        npz.add_array("embeddings", &doubles(table)).expect("a vector grows");
    } else {
        npz.add_array("embeddings", &singles(table)).expect("a vector grows");
    }
    npz.add_array("labels", &arr1(labels)).expect("a vector grows");
    Some(npz.finish().expect("a vector grows").into_inner())
}

pub(super) fn tensors(table: &Table) -> Option<Vec<u8>> {
    let Labels::Integers(labels) = &table.labels else { return None };
    let (dtype, bytes): (Dtype, Vec<u8>) = if table.double {
        (Dtype::F64, table.values.iter().flat_map(|x| x.to_le_bytes()).collect())
    } else {
        (Dtype::F32, singles(table).iter().flat_map(|x| x.to_le_bytes()).collect())
    };
    let labels: Vec<u8> = labels.iter().flat_map(|label| label.to_le_bytes()).collect();
    let tensors = HashMap::from([
        ("x", TensorView::new(dtype, vec![table.rows, table.features], &bytes).ok()?),
        ("y", TensorView::new(Dtype::I64, vec![table.rows], &labels).ok()?),
    ]);
    safetensors::serialize(tensors, None).ok()
}
