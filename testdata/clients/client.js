// Calls a server with the protos loaded as they are: node client.js HOST:PORT.
const grpc = require('@grpc/grpc-js');
const loader = require('@grpc/proto-loader');

const LARGEST = 32 << 20; // limits.max_response_bytes of GetServerInfo
const { akin } = grpc.loadPackageDefinition(loader.loadSync(
  ['info_service', 'search_service'].map((name) => `akin/v1/${name}.proto`),
  { includeDirs: ['proto', 'node_modules/google-proto-files'], keepCase: true, longs: String, enums: String, defaults: true },
));
const search = new akin.v1.SearchService(process.argv[2], grpc.credentials.createInsecure(), {
  'grpc.max_receive_message_length': LARGEST,
});
const more = new grpc.Metadata();
more.set('akin-max-response-bytes', String(LARGEST));
search.Search({ query: 'graph neural networks', page_size: 3 }, more, { deadline: Date.now() + 10000 }, (err, found) => {
  if (err) throw err;
  console.log('results:', found.results.length);
  search.close();
});
