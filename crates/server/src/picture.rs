//! Where the boxes and lines of a graph stand: one column for each step, boxes in an order with few crossings.
//!
//! Layers as Sugiyama, Tagawa and Toda lay them out ("Methods for Visual Understanding of Hierarchical System Structures",
//! 1981): the steps are the layers, and a few sweeps order each layer by the mean place of its neighbours. The same graph is
//! drawn in the same way each time.

use nav::Graph;

/// A box's height, the room between boxes, between columns, and around text, in pixels of the picture.
const HEIGHT: i32 = 40;
const ROW_GAP: i32 = 12;
const COLUMN_GAP: i32 = 72;
const PADDING: i32 = 12;
/// The margin of the picture.
const MARGIN: i32 = 8;
/// How wide a character is, of the name and of the place below it.
const NAME_WIDTH: f64 = 8.0;
const PLACE_WIDTH: f64 = 6.8;
/// How many characters are shown.
const N_CHARS_MAX: usize = 34;
/// How often the layers are swept.
const N_SWEEPS: usize = 6;

/// A picture: its size, boxes and lines.
#[derive(Debug, Default)]
pub(crate) struct Picture {
    pub(crate) width: i32,
    pub(crate) height: i32,
    /// In the order of the graph's nodes.
    pub(crate) boxes: Vec<PictureBox>,
    /// In the order of the graph's edges: the `d` of a path.
    pub(crate) lines: Vec<String>,
}

/// A node's place.
#[derive(Debug, Default, Clone)]
pub(crate) struct PictureBox {
    pub(crate) x: i32,
    pub(crate) y: i32,
    pub(crate) width: i32,
    pub(crate) height: i32,
    /// Its name and its place, as far as there is room.
    pub(crate) name: String,
    pub(crate) place: String,
}

/// Lays a graph out. `texts` are the names and places of its nodes.
pub(crate) fn draw(graph: &Graph, texts: &[(String, String)]) -> Picture {
    let layers = layers(graph);
    let mut boxes: Vec<PictureBox> = texts.iter().map(|(name, place)| unplaced(name, place)).collect();
    boxes.resize(graph.nodes.len(), PictureBox::default());
    let heights = layers.iter().map(|layer| layer.len() as i32 * (HEIGHT + ROW_GAP) - ROW_GAP);
    let height = heights.max().unwrap_or(0);
    let mut x = MARGIN;
    for layer in &layers {
        let width = layer.iter().map(|idx| boxes[*idx].width).max().unwrap_or(0);
        let mut y = MARGIN + (height - (layer.len() as i32 * (HEIGHT + ROW_GAP) - ROW_GAP)) / 2;
        for idx in layer {
            (boxes[*idx].x, boxes[*idx].y, boxes[*idx].width) = (x, y, width);
            y += HEIGHT + ROW_GAP;
        }
        x += width + COLUMN_GAP;
    }
    let lines = graph.edges.iter().map(|edge| match (boxes.get(edge.from), boxes.get(edge.to)) {
        (Some(from), Some(to)) => line(from, to, edge.from == edge.to),
        _ => String::new(),
    });
    let lines = lines.collect();
    let width = (x - COLUMN_GAP + MARGIN).max(0) + COLUMN_GAP / 2;
    Picture { width, height: height + 2 * MARGIN, boxes, lines }
}

fn unplaced(name: &str, place: &str) -> PictureBox {
    let (name, place) = (cut_end(name), cut_start(place));
    let wide = |text: &str, one: f64| {
        text.chars().map(|c| if c.is_ascii() { one } else { 2.0 * one }).sum::<f64>().ceil() as i32
    };
    let width = wide(&name, NAME_WIDTH).max(wide(&place, PLACE_WIDTH)) + 2 * PADDING;
    PictureBox { x: 0, y: 0, width, height: HEIGHT, name, place }
}

fn cut_end(text: &str) -> String {
    match text.chars().count() > N_CHARS_MAX {
        true => text.chars().take(N_CHARS_MAX - 1).chain(['…']).collect(),
        false => text.to_owned(),
    }
}

fn cut_start(text: &str) -> String {
    let n_chars = text.chars().count();
    match n_chars > N_CHARS_MAX {
        true => ['…'].into_iter().chain(text.chars().skip(n_chars - N_CHARS_MAX + 1)).collect(),
        false => text.to_owned(),
    }
}

/// The nodes of each step, from the lowest to the highest, in the order in which they are drawn.
fn layers(graph: &Graph) -> Vec<Vec<usize>> {
    let mut steps: Vec<i32> = graph.nodes.iter().map(|node| node.step).collect();
    steps.sort_unstable();
    steps.dedup();
    let of = |step: &i32| (0..graph.nodes.len()).filter(|idx| graph.nodes[*idx].step == *step).collect();
    let mut layers: Vec<Vec<usize>> = steps.iter().map(of).collect();
    let mut beside = vec![Vec::new(); graph.nodes.len()];
    for edge in &graph.edges {
        beside[edge.from].push(edge.to);
        beside[edge.to].push(edge.from);
    }
    let mut place = vec![0.0_f64; graph.nodes.len()];
    let settle = |layer: &[usize], place: &mut [f64]| {
        let middle = (layer.len() as f64 - 1.0) / 2.0;
        for (at, idx) in layer.iter().enumerate() {
            place[*idx] = at as f64 - middle;
        }
    };
    layers.iter().for_each(|layer| settle(layer, &mut place));
    let n_layers = layers.len();
    for sweep in 0..N_SWEEPS {
        for at in 0..n_layers {
            let at = if sweep % 2 == 0 { at } else { n_layers - 1 - at };
            let layer = &mut layers[at];
            let mean = |idx: &usize| -> f64 {
                let others = &beside[*idx];
                match others.is_empty() {
                    true => place[*idx],
                    false => others.iter().map(|other| place[*other]).sum::<f64>() / others.len() as f64,
                }
            };
            // Stable: those with the same mean keep their order.
            layer.sort_by(|a, b| mean(a).total_cmp(&mean(b)));
            settle(layer, &mut place);
        }
    }
    layers
}

/// The line from one box to another.
fn line(from: &PictureBox, to: &PictureBox, is_loop: bool) -> String {
    let middle = |one: &PictureBox| one.y + one.height / 2;
    let right = |one: &PictureBox| one.x + one.width;
    if is_loop {
        let (x, y) = (right(from), middle(from));
        return format!("M{x} {} C{} {} {} {} {x} {}", y - 8, x + 32, y - 20, x + 32, y + 20, y + 8);
    }
    if from.x == to.x {
        // Within a column: round the right side.
        let bulge = right(from) + COLUMN_GAP / 2;
        let (x, start, end) = (right(from), middle(from) + 6, middle(to) - 6);
        return format!("M{x} {start} C{bulge} {start} {bulge} {end} {x} {end}");
    }
    let (x, end) = if from.x < to.x { (right(from), to.x) } else { (from.x, right(to)) };
    let half = (x + end) / 2;
    format!("M{x} {y} C{half} {y} {half} {to} {end} {to}", y = middle(from), to = middle(to))
}

#[cfg(test)]
mod tests {
    use super::*;
    use nav::{Edge, How, Node};

    fn graph(steps: &[i32], edges: &[(usize, usize)]) -> Graph {
        let node = |step: &i32| Node {
            name: "f".into(),
            path: b"a.c".to_vec(),
            line: 1,
            in_line: 0..1,
            step: *step,
            is_expanded: true,
        };
        let edge = |(from, to): &(usize, usize)| Edge { from: *from, to: *to, line: 1, how: How::Scope };
        Graph {
            nodes: steps.iter().map(node).collect(),
            edges: edges.iter().map(edge).collect(),
            ..Graph::default()
        }
    }

    fn texts(n: usize) -> Vec<(String, String)> {
        (0..n)
            .map(|n| (format!("name_{n}"), "a/very/long/path/that/goes/on/and/on/file.c:123".into()))
            .collect()
    }

    #[test]
    fn boxes_stand_in_columns_and_never_on_each_other() {
        let steps = [0, -1, -1, 1, 1, 1, 2];
        let graph = graph(&steps, &[(1, 0), (2, 0), (0, 3), (0, 4), (0, 5), (5, 6), (6, 0), (0, 0)]);
        let picture = draw(&graph, &texts(7));
        for (one, at) in picture.boxes.iter().enumerate() {
            assert!(at.x >= 0 && at.y >= 0 && at.x + at.width <= picture.width, "{at:?}");
            assert!(at.y + at.height <= picture.height, "{at:?}");
            for (other, beside) in picture.boxes.iter().enumerate().filter(|(other, _)| *other != one) {
                let is_apart = at.x + at.width <= beside.x
                    || beside.x + beside.width <= at.x
                    || at.y + at.height <= beside.y
                    || beside.y + beside.height <= at.y;
                assert!(is_apart, "{one} and {other}");
                let is_in_order = (steps[one] < steps[other]) == (at.x < beside.x);
                assert!(is_in_order, "{one} and {other}");
            }
        }
        assert_eq!(picture.lines.len(), 8);
        assert!(picture.boxes[0].place.starts_with('…') && picture.boxes[0].place.ends_with(":123"));
    }

    #[test]
    fn lines_do_not_cross_where_they_need_not() {
        // 1 calls 4, 2 calls 3: drawn in the order of the nodes these would cross.
        let graph = graph(&[0, 1, 1, 2, 2], &[(0, 1), (0, 2), (1, 4), (2, 3)]);
        let boxes = draw(&graph, &texts(5)).boxes;
        assert_eq!(boxes[1].y < boxes[2].y, boxes[4].y < boxes[3].y);
    }

    #[test]
    fn nothing_is_drawn_of_nothing() {
        let picture = draw(&Graph::default(), &[]);
        assert!(picture.boxes.is_empty() && picture.lines.is_empty());
    }
}
