//! Whole pictures: what is drawn where.

use super::page::Page;
use super::*;
use swathe_core::build_geobox::Resolution;
use swathe_core::crs::Crs;

const WIDTH: u32 = 500;

fn grid(crs: &str, bbox: (f64, f64, f64, f64), resolution: f64) -> GeoBox {
    let crs = Crs::parse(crs).unwrap();
    GeoBox::from_bbox(crs, bbox, Resolution::Units(resolution)).unwrap()
}

fn picture<'a>(geobox: &'a GeoBox, values: &'a [f32]) -> MapPicture<'a> {
    MapPicture {
        geobox,
        values,
        name: "chlor_a".into(),
        standard_name: None,
        title: "Chlorophyll".into(),
        subtitles: vec!["2024-08-01".into()],
        label: "chlor_a".into(),
        units: "mg m^-3".into(),
        steps: Steps::Log,
        limits: Limits::Given(0.01, 10.0),
        palette: None,
        classes: None,
        area: None,
        width: WIDTH,
    }
}

/// The picture's pixels, decoded, and where its panel is.
struct Drawn {
    width: usize,
    height: usize,
    rgb: Vec<u8>,
    page: Page,
    geobox: GeoBox,
}

fn drawn(picture: &MapPicture<'_>) -> Drawn {
    let file = picture.png().unwrap();
    let mut reader = png::Decoder::new(std::io::Cursor::new(file))
        .read_info()
        .unwrap();
    let mut rgb = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut rgb).unwrap();
    Drawn {
        width: info.width as usize,
        height: info.height as usize,
        rgb,
        page: Page::new(&picture.geobox.crs, picture.geobox.bounds(), picture.width),
        geobox: picture.geobox.clone(),
    }
}

impl Drawn {
    fn pixel(&self, x: usize, y: usize) -> Rgb {
        let i = (y * self.width + x) * 3;
        [self.rgb[i], self.rgb[i + 1], self.rgb[i + 2]]
    }

    /// Colour at map coordinates.
    fn at(&self, x: f64, y: f64) -> Rgb {
        let (west, south, east, north) = self.geobox.bounds();
        let (w, h) = (self.page.panel_width as f64, self.page.panel_height as f64);
        let top = self.height as f64 - self.page.bottom() - h;
        let column = self.page.left() + (x - west) / (east - west) * w;
        let row = top + (north - y) / (north - south) * h;
        self.pixel(column as usize, row as usize)
    }
}

fn viridis(place: f64) -> Rgb {
    Palette::named("viridis").unwrap().colour(place)
}

#[test]
fn a_cell_has_its_colour_at_its_place() {
    let geobox = grid("EPSG:4326", (-77.0, 36.0, -73.0, 41.0), 0.5);
    let mut values = vec![f32::NAN; geobox.cells()];
    // Row 6, column 5: 37.5 to 38 north, 74.5 to 74 west.
    values[6 * 8 + 5] = 1.0;
    let drawn = drawn(&picture(&geobox, &values));
    assert_eq!(drawn.at(-74.26, 37.76), viridis(2.0 / 3.0));
    for (lon, lat) in [
        (-74.6, 37.76),
        (-73.9, 37.76),
        (-74.26, 37.4),
        (-74.26, 38.1),
    ] {
        assert_eq!(drawn.at(lon, lat), raster::MISSING, "{lon} {lat}");
    }
    assert_eq!(drawn.at(-76.8, 39.3), raster::LAND);
}

#[test]
fn a_grid_across_180_is_one_piece() {
    let geobox = grid("EPSG:4326", (170.0, 60.0, -170.0, 75.0), 1.0);
    let values: Vec<f32> = (0..geobox.cells())
        .map(|i| match i % 20 {
            9 => 0.1,
            10 => 1.0,
            _ => f32::NAN,
        })
        .collect();
    let drawn = drawn(&picture(&geobox, &values));
    assert_eq!(drawn.at(179.37, 62.4), viridis(1.0 / 3.0));
    assert_eq!(drawn.at(180.63, 62.4), viridis(2.0 / 3.0));
    // Chukotka reaches across 180; Wrangel Island lies on it.
    for (lon, lat) in [(172.4, 67.4), (178.4, 67.4), (182.4, 67.4)] {
        assert_eq!(drawn.at(lon, lat), raster::LAND, "{lon} {lat}");
    }
    assert_eq!(drawn.at(182.4, 62.4), raster::MISSING);
}

#[test]
fn the_world_in_0_to_360_has_its_land() {
    let geobox = grid("EPSG:4326", (0.0, -90.0, 360.0, 90.0), 1.0);
    let values = vec![f32::NAN; geobox.cells()];
    let drawn = drawn(&picture(&geobox, &values));
    for (lon, lat, colour) in [
        (20.5, 10.5, raster::LAND),
        (359.0, 51.5, raster::LAND),
        (260.5, 40.5, raster::LAND),
        (200.5, 4.5, raster::MISSING),
        (75.0, -85.0, raster::LAND),
        (285.0, -85.0, raster::LAND),
        (200.5, 85.0, raster::MISSING),
    ] {
        assert_eq!(drawn.at(lon, lat), colour, "{lon} {lat}");
    }
}

#[test]
fn projected_maps_have_land_where_it_is() {
    for (crs, bbox, resolution, places) in [
        (
            "EPSG:3413",
            (-180.0, 60.0, 180.0, 90.0),
            25_000.0,
            // Greenland, Barents Sea, Taymyr, North pole.
            &[
                (-40.0, 75.3, true),
                (42.0, 75.3, false),
                (103.0, 74.4, true),
                (10.0, 89.0, false),
            ][..],
        ),
        (
            "EPSG:3031",
            (-180.0, -90.0, 180.0, -60.0),
            25_000.0,
            &[
                (20.0, -87.0, true),
                (100.0, -75.4, true),
                (-140.0, -70.4, false),
            ],
        ),
        (
            "EPSG:32618",
            (-77.0, 36.0, -73.0, 41.0),
            2000.0,
            &[(-76.63, 39.73, true), (-74.4, 38.3, false)],
        ),
        (
            "EPSG:3857",
            (-180.0, -80.0, 180.0, 80.0),
            100_000.0,
            &[
                (22.0, 10.4, true),
                (-140.0, 4.0, false),
                (133.0, -25.4, true),
            ],
        ),
    ] {
        let geobox = grid(crs, bbox, resolution);
        let values = vec![f32::NAN; geobox.cells()];
        let drawn = drawn(&picture(&geobox, &values));
        for &(lon, lat, land) in places {
            let (x, y) = geobox.crs.forward(lon, lat).unwrap();
            let colour = if land { raster::LAND } else { raster::MISSING };
            assert_eq!(drawn.at(x, y), colour, "{crs} {lon} {lat}");
        }
    }
}

#[test]
fn the_area_is_outlined_in_red() {
    let geobox = grid("EPSG:4326", (-80.0, 30.0, -60.0, 42.0), 0.5);
    let values = vec![f32::NAN; geobox.cells()];
    let drawn = drawn(&MapPicture {
        area: Some([-72.0, 33.0, -68.0, 37.0]),
        ..picture(&geobox, &values)
    });
    for (lon, lat) in [(-72.0, 34.4), (-68.0, 34.4), (-70.3, 33.0), (-70.3, 37.0)] {
        let [r, g, b] = drawn.at(lon, lat);
        assert!(r > 180 && g < 120 && b < 120, "{lon} {lat}: {r} {g} {b}");
    }
    assert_eq!(drawn.at(-69.7, 34.4), raster::MISSING);
}

#[test]
fn many_cells_in_a_pixel_share_it() {
    // A checkerboard of 0.1 and 1 on a grid far finer than the picture: every pixel is between.
    let geobox = grid("EPSG:4326", (-40.0, 0.0, -30.0, 10.0), 0.005);
    let values: Vec<f32> = (0..geobox.cells())
        .map(|i| {
            if (i / 2000 + i % 2000) % 2 == 0 {
                0.1
            } else {
                1.0
            }
        })
        .collect();
    let drawn = drawn(&picture(&geobox, &values));
    let [r, g, b] = drawn.at(-35.7, 5.6);
    let [r0, g0, b0] = viridis(0.5);
    let off = r.abs_diff(r0).max(g.abs_diff(g0)).max(b.abs_diff(b0));
    assert!(off < 12, "{:?} is not about {:?}", [r, g, b], [r0, g0, b0]);
}

#[test]
fn classes_have_a_legend() {
    let geobox = grid("EPSG:4326", (-40.0, 0.0, -30.0, 10.0), 0.5);
    let values: Vec<f32> = (0..geobox.cells())
        .map(|i| (i % 20 / 10) as f32 * 2.0)
        .collect();
    let names = ["clear", "cloudy", "a class with a rather long name"].map(str::to_owned);
    let classes = names.into_iter().zip([0.0, 1.0, 2.0]).collect();
    let map = MapPicture {
        classes: Some(classes),
        label: "kind".into(),
        units: String::new(),
        ..picture(&geobox, &values)
    };
    let with_bar = drawn(&picture(&geobox, &values));
    let mut drawn = drawn(&map);
    drawn.page = Page::with(
        &geobox.crs,
        geobox.bounds(),
        WIDTH,
        super::page::BarPlace::Legend,
    );
    // The first and the third of the colours, as declared.
    let (first, third) = ([0, 114, 178], [0, 158, 115]);
    assert_eq!(drawn.at(-37.6, 5.1), first);
    assert_eq!(drawn.at(-32.4, 5.1), third);
    let count = |drawn: &Drawn, colour: Rgb| {
        let bottom = drawn.height - 3 * drawn.page.em as usize;
        let pixels = (bottom..drawn.height).flat_map(|y| (0..drawn.width).map(move |x| (x, y)));
        pixels
            .filter(|(x, y)| drawn.pixel(*x, *y) == colour)
            .count()
    };
    // Squares of about an em on the lowest line, of what is on the map alone.
    for (colour, there) in [(first, true), (third, true), ([230, 159, 0], false)] {
        let least = (0.5 * drawn.page.em * drawn.page.em) as usize;
        assert_eq!(count(&drawn, colour) > least, there, "{colour:?}");
        assert_eq!(count(&with_bar, colour), 0);
    }
}

#[test]
fn the_file_is_the_same_on_any_number_of_threads() {
    let geobox = grid("EPSG:3413", (-180.0, 60.0, 180.0, 90.0), 50_000.0);
    let values: Vec<f32> = (0..geobox.cells()).map(|i| (i % 97) as f32 * 0.1).collect();
    let picture = MapPicture {
        limits: Limits::Robust,
        ..picture(&geobox, &values)
    };
    let on = |threads| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| picture.png().unwrap())
    };
    assert_eq!(on(1), on(3));
}

#[test]
fn odd_requests_are_errors_or_pictures() {
    let geobox = grid("EPSG:4326", (0.0, 0.0, 1.0, 1.0), 1.0);
    assert!(picture(&geobox, &[]).png().is_err());
    assert!(picture(&geobox, &[1.0, 2.0]).png().is_err());
    let picture = picture(&geobox, &[f32::NAN]);
    assert!(
        MapPicture {
            width: 10,
            ..picture.clone()
        }
        .png()
        .is_err()
    );
    for title in ["", "<&>\u{0}", &"long ".repeat(200), &"x".repeat(500)] {
        let odd = MapPicture {
            title: title.into(),
            label: String::new(),
            limits: Limits::Auto,
            ..picture.clone()
        };
        assert!(odd.png().is_ok());
    }
}
