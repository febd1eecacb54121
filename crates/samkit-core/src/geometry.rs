//! Sizes, points and boxes.

/// Width and height in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Size {
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
}

impl Size {
    /// A size of `width` columns and `height` rows.
    pub const fn new(width: u32, height: u32) -> Self {
        Self { width, height }
    }

    /// Number of pixels.
    pub const fn area(self) -> usize {
        self.width as usize * self.height as usize
    }
}

impl std::fmt::Display for Size {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}×{}", self.width, self.height)
    }
}

impl From<(u32, u32)> for Size {
    fn from((width, height): (u32, u32)) -> Self {
        Self { width, height }
    }
}

/// A position in pixels: `x` to the right, `y` down, the origin at the image's top left corner.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// Distance from the left side.
    pub x: f32,
    /// Distance from the top.
    pub y: f32,
}

impl Point {
    /// The point (`x`, `y`).
    pub const fn new(x: f32, y: f32) -> Self {
        Self { x, y }
    }
}

/// A box by its corners (the field's "XYXY"), in pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BBox {
    /// Left side.
    pub x0: f32,
    /// Top.
    pub y0: f32,
    /// Right side.
    pub x1: f32,
    /// Bottom.
    pub y1: f32,
}

impl BBox {
    /// The box from (`x0`, `y0`) to (`x1`, `y1`).
    pub const fn new(x0: f32, y0: f32, x1: f32, y1: f32) -> Self {
        Self { x0, y0, x1, y1 }
    }

    /// Width times height.
    pub fn area(&self) -> f32 {
        (self.x1 - self.x0) * (self.y1 - self.y0)
    }

    /// Intersection over union, as torchvision computes it (no `+1` on the sides). Two boxes
    /// without area have NaN, which compares greater than nothing.
    pub fn iou(&self, other: &Self) -> f32 {
        let width = (self.x1.min(other.x1) - self.x0.max(other.x0)).max(0.0);
        let height = (self.y1.min(other.y1) - self.y0.max(other.y0)).max(0.0);
        let intersection = width * height;
        intersection / (self.area() + other.area() - intersection)
    }

    /// Whether all pixels of an inclusive box lie in this one, whose sides lie between pixels.
    pub(crate) fn holds_pixels(&self, pixels: &Self) -> bool {
        self.x0 <= pixels.x0
            && self.y0 <= pixels.y0
            && pixels.x1 + 1.0 <= self.x1
            && pixels.y1 + 1.0 <= self.y1
    }

    /// Whether two inclusive boxes have a pixel in common.
    pub(crate) fn shares_pixels(&self, other: &Self) -> bool {
        self.x0 <= other.x1 && other.x0 <= self.x1 && self.y0 <= other.y1 && other.y0 <= self.y1
    }

    /// Moved by (`dx`, `dy`).
    pub fn translated(&self, dx: f32, dy: f32) -> Self {
        Self::new(self.x0 + dx, self.y0 + dy, self.x1 + dx, self.y1 + dy)
    }

    /// `[x, y, width, height]`, the form that COCO files use.
    pub fn to_xywh(&self) -> [f32; 4] {
        [self.x0, self.y0, self.x1 - self.x0, self.y1 - self.y0]
    }
}
