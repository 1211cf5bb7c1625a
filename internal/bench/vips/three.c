/* Makes three stripped renditions of a JPEG with libvips, as the server does with
 * Go: 2048, 1024 and 320 pixels on the longer side, each from the one before, at
 * the same qualities. It does so once for every line on its standard input, from
 * memory to memory, and answers with the bytes of the three. */
#include <stdio.h>
#include <stdlib.h>
#include <vips/vips.h>

static size_t save(VipsImage *image, int quality)
{
	void *out;
	size_t size;
	if (vips_jpegsave_buffer(image, &out, &size, "Q", quality, "strip", TRUE, NULL))
		vips_error_exit(NULL);
	g_free(out);
	return size;
}

static VipsImage *in_memory(VipsImage *image)
{
	VipsImage *copy = vips_image_copy_memory(image);
	if (!copy)
		vips_error_exit(NULL);
	g_object_unref(image);
	return copy;
}

static size_t three(void *photo, size_t length)
{
	VipsImage *large, *medium, *small;
	size_t total;
	if (vips_thumbnail_buffer(photo, length, &large, 2048, "height", 2048, "size", VIPS_SIZE_DOWN, NULL))
		vips_error_exit(NULL);
	large = in_memory(large);
	total = save(large, 85);
	if (vips_thumbnail_image(large, &medium, 1024, "height", 1024, "size", VIPS_SIZE_DOWN, NULL))
		vips_error_exit(NULL);
	medium = in_memory(medium);
	total += save(medium, 82);
	if (vips_thumbnail_image(medium, &small, 320, "height", 320, "size", VIPS_SIZE_DOWN, NULL))
		vips_error_exit(NULL);
	total += save(small, 78);
	g_object_unref(small);
	g_object_unref(medium);
	g_object_unref(large);
	return total;
}

int main(int argc, char **argv)
{
	gchar *photo;
	gsize length;
	char line[8];
	if (argc != 2 || VIPS_INIT(argv[0]))
		vips_error_exit("usage: three PHOTO");
	vips_concurrency_set(1);
	vips_cache_set_max(0);
	if (!g_file_get_contents(argv[1], &photo, &length, NULL))
		vips_error_exit("read %s", argv[1]);
	while (fgets(line, sizeof line, stdin)) {
		printf("%zu\n", three(photo, length));
		fflush(stdout);
	}
	return 0;
}
