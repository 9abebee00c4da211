/* web/ as bytes of this program. Called by api_status.c. The build says where web/ lies: STINT_WEB_DIR. */
#include "http/asset.h"

#include <stddef.h>

#ifndef STINT_WEB_DIR
#define STINT_WEB_DIR "web"     /* compiled by hand from the top of the tree */
#endif

#define EMBED(name, file) \
	__asm__(".section .rodata\n" \
		".global stint_asset_" #name ", stint_asset_" #name "_end\n" \
		".hidden stint_asset_" #name ", stint_asset_" #name "_end\n" \
		"stint_asset_" #name ":\n.incbin \"" STINT_WEB_DIR "/" file "\"\n" \
		"stint_asset_" #name "_end:\n.byte 0\n.previous\n"); \
	extern const char stint_asset_##name[], stint_asset_##name##_end[]

EMBED(style, "style.css");
EMBED(script, "script.js");
EMBED(icon, "icon.svg");

static const struct asset assets[] = {
	{ "/status/style.css", "text/css; charset=utf-8", stint_asset_style, stint_asset_style_end },
	{ "/status/script.js", "text/javascript; charset=utf-8", stint_asset_script, stint_asset_script_end },
	{ "/status/icon.svg", "image/svg+xml", stint_asset_icon, stint_asset_icon_end },
};

const struct asset *asset_find(struct slice path)
{
	for (size_t i = 0; i < sizeof(assets) / sizeof(assets[0]); i++)
		if (slice_eq(path, assets[i].path))
			return &assets[i];
	return NULL;
}
