//! The page hands over a scene and gets a picture: `room` for the bytes of the scene, `draw`, and then what is at `picture`.
#![allow(unsafe_code, reason = "WebAssembly has no other way to hand over bytes")]

use std::cell::RefCell;

use npv_map::wire;

thread_local! {
    static SCENE: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    static PICTURE: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Where the page writes so many bytes of a scene.
#[unsafe(no_mangle)]
pub extern "C" fn room(bytes: usize) -> *mut u8 {
    SCENE.with_borrow_mut(|scene| {
        *scene = vec![0; bytes];
        scene.as_mut_ptr()
    })
}

/// Draws the scene. Returns the number of bytes of the picture, 0 where that is no scene.
#[unsafe(no_mangle)]
pub extern "C" fn draw() -> usize {
    let read = SCENE.with_borrow_mut(|scene| wire::read(&std::mem::take(scene)));
    let picture = read.map_or_else(String::new, |(scene, fold)| wire::write(&npv_map::draw(&scene, &fold)));
    PICTURE.with_borrow_mut(|place| {
        *place = picture;
        place.len()
    })
}

/// Where the picture is.
#[unsafe(no_mangle)]
pub extern "C" fn picture() -> *const u8 {
    PICTURE.with_borrow(|picture| picture.as_ptr())
}
