// Jest transform: adds the import attribute that @actions/workflow-parser leaves out when it imports its JSON schemas.
export default {
  process(source) {
    return { code: source.replace(/(from "[^"]+\.json")/g, "$1 with { type: 'json' }") };
  },
};
