//! Retrieval: worked out by hand, and every backend against the reference.

use triplet_api::{Distance, Retrieval, Workspace};
use triplet_core::{Batch, Error};
use triplet_testkit::{contenders, inputs::clusters, sample};

fn all_engines() -> Vec<(String, Workspace<f32>)> {
    contenders().unwrap().into_iter().map(triplet_testkit::engines::Contender::workspace).collect()
}

#[test]
fn worked_out_by_hand() {
    // Row 0 (class 0, R = 2) ranks 1, 2, 3: right, wrong. AP = (1/1) / 2.
    // Row 1 (class 0) ranks 0 and 2 (a tie, lower row first): AP = 1/2.
    // Row 2 (class 1, R = 1) ranks 1: wrong; 4 is fourth. Row 3 (class 0) ranks 2, 1: AP = (1/2) / 2.
    // Row 4 (class 1) ranks 3: wrong, then 2. Row 5 is alone in its class.
    let batch = Batch::new(&[0.0_f32, 1.0, 2.0, 3.5, 9.0, 100.0], 1, &[0, 0, 1, 0, 1, 2]).unwrap();
    for (name, mut workspace) in all_engines() {
        // However deep, no deeper than there are rows.
        let depths = [2, 4, usize::MAX];
        let found = Retrieval::within(&batch, &depths, Distance::L2, &mut workspace).unwrap();
        assert_eq!(found.queries, 5, "{name}");
        assert_eq!(found.recall, [(1, 2.0 / 5.0), (2, 4.0 / 5.0), (4, 1.0), (usize::MAX, 1.0)], "{name}");
        assert_eq!(found.precision_at_1(), 2.0 / 5.0, "{name}");
        assert!((found.map_at_r - (0.5 + 0.5 + 0.0 + 0.25 + 0.0) / 5.0).abs() < 1e-15, "{name}");
        assert!((found.r_precision - (0.5 + 0.5 + 0.0 + 0.5 + 0.0) / 5.0).abs() < 1e-15, "{name}");
    }
}

#[test]
fn queries_search_references_of_which_a_class_may_be_missing() {
    let references = Batch::new(&[0.0_f32, 1.0, 5.0], 1, &[7, 8, 7]).unwrap();
    // At 0.9: 8, 7, 7 for a query of 7: AP = (1/2) / 2. The query of 9 has nothing to find.
    let queries = Batch::new(&[0.9_f32, 2.0], 1, &[7, 9]).unwrap();
    for (name, mut workspace) in all_engines() {
        let among =
            |workspace: &mut _| Retrieval::among(&queries, &references, &[2], Distance::L2, workspace);
        let found = among(&mut workspace).unwrap();
        assert_eq!((found.queries, found.map_at_r, found.r_precision), (1, 0.25, 0.5), "{name}");
        assert_eq!(found.recall, [(1, 0.0), (2, 1.0)], "{name}");
    }
    let wide = Batch::new(&[0.0_f32, 1.0], 2, &[7]).unwrap();
    let error =
        Retrieval::among(&wide, &references, &[], Distance::L2, &mut Workspace::default()).unwrap_err();
    assert_eq!(error, Error::WidthMismatch { queries: 2, references: 1 });
}

#[test]
fn nothing_to_search_is_a_result() {
    for (name, mut workspace) in all_engines() {
        for labels in [&[][..], &[3], &[1, 2]] {
            let rows = vec![0.5_f32; labels.len()];
            let batch = Batch::new(&rows, 1, labels).unwrap();
            let found = Retrieval::within(&batch, &[5], Distance::Angular, &mut workspace).unwrap();
            assert_eq!((found.queries, found.precision_at_1(), found.map_at_r), (0, 0.0, 0.0), "{name}");
        }
    }
}

#[test]
fn all_backends_agree_to_the_last_bit() {
    let mut engines = all_engines();
    // Rows, width, rows a class: blocks cut everywhere, and more wanted than are kept at once.
    let shapes = [(700, 3, 350), (1300, 40, 8), (97, 130, 97), (2100, 5, 1)];
    let clustered = shapes.map(|(rows, width, per_class)| {
        let (embeddings, labels) = clusters(rows, width, per_class, 0.5, 7);
        (embeddings, width, labels)
    });
    let odd = (0..60).map(|number| sample(3, number)).map(|s| (s.embeddings, s.width, s.labels));
    for (number, (embeddings, width, labels)) in clustered.into_iter().chain(odd).enumerate() {
        let batch = Batch::new(&embeddings, width, &labels).unwrap();
        let cut = labels.len() / 3;
        let queries = Batch::new(&embeddings[..cut * width], width, &labels[..cut]).unwrap();
        let references = Batch::new(&embeddings[cut * width..], width, &labels[cut..]).unwrap();
        for distance in Distance::ALL {
            let mut first = None;
            for (name, workspace) in &mut engines {
                let found = [
                    Retrieval::within(&batch, &[1, 10, 100], distance, workspace).unwrap(),
                    Retrieval::among(&queries, &references, &[5], distance, workspace).unwrap(),
                ];
                let expected = first.get_or_insert_with(|| found.clone());
                assert_eq!(&found, expected, "{name}: batch {number}, {distance:?}");
            }
        }
    }
}
