//! Four-sided shapes on the sphere: footprints, and the quads between four pixel centres.

use crate::sphere::{Vec3, cross, dot};

/// A quadrilateral with great-circle edges; its corners run around it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quad {
    /// Corners in order around the shape.
    pub corners: [Vec3; 4],
    shape: QuadShape,
}

/// What kind of outline four corners make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QuadShape {
    /// All corners turn the same way.
    Convex,
    /// The corner of this number points inward.
    Concave(u8),
}

impl Quad {
    /// The quad of four corners, or `None` if it is folded (its edges cross) or has no area.
    #[inline]
    pub fn new(corners: [Vec3; 4]) -> Option<Self> {
        let [a, b, c, d] = corners;
        // Signed areas of the corner triangles, one per corner: (d,a,b), (a,b,c), (b,c,d), (c,d,a).
        let (ab, cd) = (cross(a, b), cross(c, d));
        let turns = [dot(ab, d), dot(ab, c), dot(cd, b), dot(cd, a)];
        let size = turns.iter().fold(0.0_f64, |m, t| m.max(t.abs()));
        let diagonal = crate::sphere::chord2(a, c).max(crate::sphere::chord2(b, d));
        // Below this share of the square over its diagonal the area is rounding noise.
        if size.is_nan() || size <= 1e-7 * diagonal {
            return None;
        }
        let positive = turns.iter().filter(|t| **t > 0.0).count();
        let negative = turns.iter().filter(|t| **t < 0.0).count();
        let shape = match (positive, negative) {
            (_, 0) | (0, _) => QuadShape::Convex,
            (_, 1) => QuadShape::Concave(turns.iter().position(|t| *t < 0.0)? as u8),
            (1, _) => QuadShape::Concave(turns.iter().position(|t| *t > 0.0)? as u8),
            _ => return None,
        };
        Some(Quad { corners, shape })
    }

    /// Its shape.
    pub fn shape(&self) -> QuadShape {
        self.shape
    }

    /// Whether `point`, known to be near, lies inside or on an edge. Two quads that share an edge
    /// decide it with the same numbers: no point between them falls through.
    #[inline]
    pub fn contains(&self, point: Vec3) -> bool {
        let [a, b, c, d] = self.corners;
        match self.shape {
            QuadShape::Convex => {
                let sides = [
                    dot(cross(a, b), point),
                    dot(cross(b, c), point),
                    dot(cross(c, d), point),
                    dot(cross(d, a), point),
                ];
                sides.iter().all(|s| *s >= 0.0) || sides.iter().all(|s| *s <= 0.0)
            }
            QuadShape::Concave(reflex) => {
                let k = usize::from(reflex);
                let [a, b, c, d] = std::array::from_fn(|i| self.corners[(k + i) % 4]);
                in_triangle([a, b, c], point) || in_triangle([a, c, d], point)
            }
        }
    }

    /// Square of the largest chord from `centre` to a corner.
    #[inline]
    pub fn radius2(&self, centre: Vec3) -> f64 {
        self.corners
            .iter()
            .fold(0.0, |m, c| m.max(crate::sphere::chord2(*c, centre)))
    }
}

fn in_triangle([a, b, c]: [Vec3; 3], point: Vec3) -> bool {
    let sides = [
        dot(cross(a, b), point),
        dot(cross(b, c), point),
        dot(cross(c, a), point),
    ];
    sides.iter().all(|s| *s >= 0.0) || sides.iter().all(|s| *s <= 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sphere::unit_vector;

    fn quad(points: [(f64, f64); 4]) -> Option<Quad> {
        Quad::new(points.map(|(lon, lat)| unit_vector(lon, lat)))
    }

    #[test]
    fn shapes_are_told_apart() {
        let square = quad([(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)]).unwrap();
        assert_eq!(square.shape(), QuadShape::Convex);
        let dart = quad([(0.0, 0.0), (1.0, 0.0), (0.2, 0.2), (0.0, 1.0)]).unwrap();
        assert_eq!(dart.shape(), QuadShape::Concave(2));
        assert!(dart.contains(unit_vector(0.15, 0.15)));
        assert!(!dart.contains(unit_vector(0.4, 0.4)));
        let bow = quad([(0.0, 0.0), (1.0, 1.0), (1.0, 0.0), (0.0, 1.0)]);
        assert!(bow.is_none());
        let line = quad([(0.0, 0.0), (1.0, 0.0), (2.0, 0.0), (3.0, 0.0)]);
        assert!(line.is_none());
    }

    #[test]
    fn either_orientation_contains_its_inside() {
        for points in [
            [(179.5, 10.0), (-179.5, 10.0), (-179.5, 11.0), (179.5, 11.0)],
            [(179.5, 10.0), (179.5, 11.0), (-179.5, 11.0), (-179.5, 10.0)],
        ] {
            let q = quad(points).unwrap();
            assert!(q.contains(unit_vector(180.0, 10.5)));
            assert!(!q.contains(unit_vector(178.0, 10.5)));
        }
    }
}
