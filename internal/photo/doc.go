// Package photo makes a photo that anyone may have sent safe to keep and to
// show: a [Processor] decodes it under limits, turns it upright and encodes its
// pixels anew as JPEG, in three sizes.
//
// What it promises:
//
//   - The format is recognised by content, never by a name or a declared type.
//     JPEG, PNG, WebP and HEIC are read, by image/jpeg, image/png,
//     golang.org/x/image/webp and the libheif of github.com/gen2brain/heic, and
//     nothing else. The registry of package image is not asked: imported packages
//     put further decoders into it.
//   - Size, sides, pixels and frames are checked from the header before anything
//     is decoded, and the memory that decoding takes is reserved first, so that
//     all photos under way together stay within [Limits.Memory]. What takes much
//     does not delay the JPEGs that phones send, and a HEIC delays nobody: see lanes.
//   - A HEIC is decoded in a process of its own, in a WebAssembly machine whose
//     memory is bounded, and is killed when its time is up. The why and the
//     figures stand in heic_wire.go.
//   - Everything that is not pixels is gone, because only pixels are written:
//     EXIF, XMP, IPTC, thumbnails, colour profiles, comments, trailing bytes. If
//     that fails, the photo is refused. Position, direction and time are read
//     before and returned apart, as a [Suggestion] to the one who sent the photo.
//   - What a handler or a [Detector] masks is gone from every rendition: a few
//     blocks of about the mean colours are left, from which it cannot be told, and
//     the files from before are deleted. See [Library.Mask] and mask.go.
//   - No input makes it panic. A failure that the sender can mend is a
//     [*problem.Error], with the field "photo" where it is about the content;
//     the caller rewrites that name to where the photo stood in its request.
//
// github.com/disintegration/imaging is used for resampling and orientation only,
// never to open or decode. It panics in goroutines of its own, where nothing can
// recover, on a palette image with an index outside its palette. So it is given
// only pixel types that have no such state: see safePixels. The first and dearest
// step of an ordinary JPEG is not imaging's but averagePlanes': 12 megapixels to
// three renditions take 240 ms of processor time with it and 365 ms without, and
// allocate 26 instead of 68 MB. libvips takes 190 ms for the same.
//
// What fits into the default of 512 MiB, in megapixels: every JPEG up to the 50 that
// are read at all, 41 if it is progressive with colours at half the width and height;
// a HEIC of 48, of 20 with more than 8 bits a colour; a PNG of 50, of 30 with 16 bits;
// a lossy WebP of 50, a lossless one of 13.
//
// Limits: colour profiles are dropped, not applied, so a photo in Display P3
// looks a little paler, and CMYK is converted by formula. Transparency becomes
// white. Of several pictures in one file (MPO, gain maps) only the first is
// kept. Arithmetic-coded and lossless JPEG are not read. HEIC needs a program that
// was built with the tag nodynamic; without it, it is refused.
package photo
