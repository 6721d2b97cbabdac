/*
 * agents.c - what [agent NAME] and [class NAME] agent name: tools, sub-agents; and which of their keys go together.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "scenario/check.h"

struct resolver {
    struct check c;
    struct scenario *sc; /* that of c; its arena holds the lists */
    const char *section;
};

static int64_t find_agent(const struct scenario *sc, const char *name)
{
    for (int64_t i = 0; i < sc->n_agents; i++)
        if (strcmp(sc->agents[i].name, name) == 0)
            return i;
    return -1;
}

static int64_t find_tool(const struct scenario *sc, const char *name)
{
    for (int64_t i = 0; i < sc->n_tools; i++)
        if (strcmp(sc->tools[i].name, name) == 0)
            return i;
    return -1;
}

/* The index of [agent NAME]; -1 after a message. */
static int64_t need_agent(struct resolver *r, const char *key, const char *name)
{
    int64_t at = find_agent(r->sc, name);
    const char **names = arena_alloc(&r->sc->arena, (size_t)(r->sc->n_agents + 1) * sizeof *names);

    for (int64_t i = 0; i < r->sc->n_agents; i++)
        names[i] = r->sc->agents[i].name;
    const char *nearest = at < 0 ? opt_nearest(name, names, (size_t)r->sc->n_agents) : NULL;
    if (nearest)
        check_wrong(&r->c, r->section, key, "there is no [agent %s]; did you mean %s?", name, nearest);
    else if (at < 0)
        check_wrong(&r->c, r->section, key, "there is no [agent %s]", name);
    return at;
}

/* "NAME" or "NAME:WEIGHT". */
static void add_tool(struct resolver *r, struct agent_options *a, char *word)
{
    char *colon = strchr(word, ':'), *end = NULL;
    double weight = 1;

    if (colon) {
        *colon = '\0';
        weight = strtod(colon + 1, &end);
    }
    int64_t tool = find_tool(r->sc, word);
    if (tool < 0)
        check_wrong(&r->c, r->section, "tools", "there is no [tool %s]", word);
    else if (colon && (end == colon + 1 || *end != '\0' || !(weight > 0 && weight <= 1e9)))
        check_wrong(&r->c, r->section, "tools", "%s:%s: want NAME:WEIGHT with a weight above 0", word, colon + 1);
    a->tool[a->n_tools++] = (struct agent_tool){tool, weight};
    a->tool_weight += weight;
}

static void resolve_tools(struct resolver *r, struct agent_options *a)
{
    char *rest = arena_strdup(&r->sc->arena, a->tools);

    a->tool = arena_alloc(&r->sc->arena, (strlen(a->tools) / 2 + 1) * sizeof *a->tool);
    a->n_tools = 0;
    a->tool_weight = 0;
    for (char *word = strtok_r(rest, " \t", &rest); word; word = strtok_r(NULL, " \t", &rest))
        add_tool(r, a, word);
}

/* A law of lengths that a trace would say. */
static void check_law(struct resolver *r, const char *key, const struct length_choice *law)
{
    if (law->ops && law->ops->draw == NULL)
        check_wrong(&r->c, r->section, key, "trace, but an agent's calls are drawn, not replayed");
}

static void check_laws(struct resolver *r, const struct agent_options *a)
{
    check_law(r, "steps", &a->steps);
    check_law(r, "first", &a->first);
    check_law(r, "output", &a->output);
    check_law(r, "reasoning", &a->reasoning);
    check_law(r, "calls", &a->calls);
    check_law(r, "tasks", &a->tasks);
    check_law(r, "request", &a->request);
    check_law(r, "subs", &a->subs);
}

static void check_agent(struct resolver *r, const struct agent_options *a)
{
    check_laws(r, a);
    if (a->tasks.ops && a->request.ops == NULL)
        check_wrong(&r->c, r->section, "request", "missing: how many tokens each further task (tasks) begins with");
    if (a->sub == NULL && (a->sub_share > 0 || a->subs.ops))
        check_wrong(&r->c, r->section, a->sub_share > 0 ? "sub_share" : "subs", "has no effect without sub = NAME");
    if (a->sub && a->sub_share <= 0)
        check_wrong(&r->c, r->section, "sub", "has no effect with sub_share = 0");
    if ((a->compact_at > 0) != (a->compact_to > 0))
        check_wrong(&r->c, r->section, a->compact_at > 0 ? "compact_to" : "compact_at",
                    "missing: compact_at and compact_to go together");
    else if (a->compact_at > 0 && a->system_tokens + a->compact_to >= a->compact_at)
        check_wrong(&r->c, r->section, "compact_to",
                    "system_tokens and the summary are %" PRId64 " tokens, as long as compact_at = %" PRId64,
                    a->system_tokens + a->compact_to, a->compact_at);
    int64_t context = r->sc->layout.model.max_context;
    if (a->compact_at + a->compact_to > context)
        check_wrong(&r->c, r->section, "compact_at",
                    "%" PRId64 " tokens and a summary of %" PRId64 " pass model.max_context = %" PRId64, a->compact_at,
                    a->compact_to, context);
    if (a->system_tokens + 2 > context)
        check_wrong(&r->c, r->section, "system_tokens", "leaves no room in model.max_context = %" PRId64, context);
}

static void check_agent_class(struct resolver *r, const struct class_options *k)
{
    const struct {
        const char *key;
        bool set;
    } keys[] = {{"input", k->input.ops != NULL},
                {"output", k->output.ops != NULL},
                {"append", k->append.ops != NULL},
                {"turns", k->turns > 1},
                {"system_tokens", k->system_tokens > 0}};

    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (keys[i].set)
            check_wrong(&r->c, r->section, keys[i].key, "has no effect with agent = %s: [agent %s] says it", k->agent,
                        k->agent);
    if (r->sc->arrival->kind == ARRIVAL_TRACE)
        check_wrong(&r->c, r->section, "agent", "arrivals = trace: its calls are the trace's to say (want drawn arrivals)");
}

void agents_resolve(struct scenario *sc, struct diags *d)
{
    struct resolver r = {.c = {.sc = sc, .d = d}, .sc = sc};
    char section[INI_NAME_MAX + 16];

    r.section = section;
    for (int64_t i = 0; i < sc->n_tools; i++) {
        snprintf(section, sizeof section, "tool %s", sc->tools[i].name);
        check_law(&r, "result", &sc->tools[i].result);
    }
    for (int64_t i = 0; i < sc->n_agents; i++) {
        struct agent_options *a = &sc->agents[i];
        snprintf(section, sizeof section, "agent %s", a->name);
        resolve_tools(&r, a);
        a->sub_at = a->sub ? need_agent(&r, "sub", a->sub) : -1;
        check_agent(&r, a);
    }
    for (int64_t i = 0; i < sc->n_classes; i++) {
        struct class_options *k = &sc->classes[i];
        snprintf(section, sizeof section, "class %s", k->name);
        k->agent_at = k->agent ? need_agent(&r, "agent", k->agent) : -1;
        if (k->agent)
            check_agent_class(&r, k);
    }
}
