#pragma once
/* The attributes as they are sent: what the tables fill. Private to attributes*.c. */
#include "control/attributes.h"

struct sent_tag {
	struct str key, value;
};

struct sent_limit {
	struct str key, principal, renewal_period;
	int64_t calls, tokens;
};

struct sent_limits {
	struct decode_list rate_limits;
};

struct sent_gateway {
	struct decode_list rate_limits;
	struct json usage_tracking_config, inference_table_config, fallback_config; /* kept as they are */
};

struct sent_addresses {
	struct decode_list on_update_success, on_update_failure;
};

struct sent_notifications {
	struct sent_addresses email_notifications;
};

struct sent_tags {
	struct decode_list add_tags, delete_tags;
};

struct sent_new {
	struct str name, description, budget_policy_id;
	struct json config, route_optimized;
	struct decode_list tags, rate_limits;
	struct sent_gateway ai_gateway;
	struct sent_addresses email_notifications;
};
