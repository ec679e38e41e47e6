/* SPDX-License-Identifier: Apache-2.0 */
#include <microhttpd.h>
#include <stdio.h>

#include "web/http_parts.h"

/* Our own files only: nothing that a profile says can become a script or a style. */
static const char page_policy[] =
	"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
	"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/* No page of another site has what is answered here, or shows it in a frame. */
void http_add_headers(struct MHD_Response *response, const struct http_answer *answer)
{
	static const char *const fixed[][2] = {
		{ "X-Content-Type-Options", "nosniff" },
		{ "X-Frame-Options", "DENY" },
		{ "Referrer-Policy", "no-referrer" },
		{ "Cross-Origin-Resource-Policy", "same-origin" },
	};
	char seconds[16], disposition[64];

	for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++)
		(void)MHD_add_response_header(response, fixed[i][0], fixed[i][1]);
	(void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, answer->type);
	(void)MHD_add_response_header(response, "Content-Security-Policy",
				      answer->is_page ? page_policy
						      : "default-src 'none'; sandbox");
	(void)MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL,
				      answer->is_page ? "no-cache" : "no-store");
	if (answer->file_extension) {
		(void)snprintf(disposition, sizeof(disposition),
			       "attachment; filename=\"profile.%s\"", answer->file_extension);
		(void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_DISPOSITION,
					      disposition);
	}
	/* RFC 9110, 15.5.6 and 11.6.1: what would be allowed; and whoever asks without a token is
	 * told how to show one. */
	if (answer->allow)
		(void)MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, answer->allow);
	if (answer->status == MHD_HTTP_UNAUTHORIZED)
		(void)MHD_add_response_header(response, MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Bearer");
	if (!answer->retry_after_s)
		return;
	(void)snprintf(seconds, sizeof(seconds), "%u", answer->retry_after_s);
	(void)MHD_add_response_header(response, MHD_HTTP_HEADER_RETRY_AFTER, seconds);
}
