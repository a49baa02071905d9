complete -c voxsift -l files-from -d 'Read the names of inputs from this file, one a line' -r -F
complete -c voxsift -l shard -d 'Take the K-th of N shares of the inputs, for N machines' -r -f
complete -c voxsift -l rate -d 'Sample rate of raw input [default: 16000]' -r -f
complete -c voxsift -l channels -d 'Channels of raw input [default: 1]' -r -f
complete -c voxsift -s o -l output -d 'Write to this file; `-` is standard output' -r -F
complete -c voxsift -s d -l output-dir -d 'Write into this directory, which is made if missing' -r -f -a "(__fish_complete_directories)"
complete -c voxsift -l name -d 'Name of the output [default: {stem}.isolated.{ext}, or {stem}.{ext} under -d]' -r -f
complete -c voxsift -s t -l to -d 'Format to write' -r -f -a "auto\t'By the output\'s extension, else the engine\'s own'
wav\t'WAV in the source\'s depth'
flac\t'FLAC: lossless, about half of WAV'
opus\t'Ogg Opus: small, for listening'
mp3\t'MP3, only as the ElevenLabs service sent it'
pcm\t'Headerless signed 16-bit little-endian samples'"
complete -c voxsift -l spectrogram -d 'Draw before and after as PNG; a folder for several' -r -F
complete -c voxsift -l report -d 'Write a page with figures, pictures and players' -r -F
complete -c voxsift -s j -l jobs -d 'Work on N at once [default: one a core; 2 for elevenlabs]' -r -f
complete -c voxsift -s e -l engine -d 'Who does the work [default: auto]' -r -f -a "auto\t'elevenlabs when there is an API key, else local'
local\t'A neural network on this machine'
elevenlabs\t'The ElevenLabs Voice Isolator, a paid service'"
complete -c voxsift -l model -d 'Neural network of the local engine [default: the best that is built in]' -r -f -a "hush\t'Small and fast, 16 kHz'"
complete -c voxsift -l attenuation-limit -d 'Take away at most this much noise, in dB' -r -f
complete -c voxsift -l file-format -d 'What the audio is declared to be' -r -f -a "auto\t'What its bytes are'
pcm_s16le_16\t'Headerless 16-bit little-endian samples, mono, 16 kHz'
other\t'Any file, as it is'"
complete -c voxsift -l split -d 'Send longer recordings in pieces, and join them: auto, never, or a piece\'s most MINUTES' -r -f
complete -c voxsift -l pad -d 'Send shorter recordings than the service takes with silence behind them, and cut the result: auto, never' -r -f -a "auto\t'When it is shorter than the service takes'
never\t'Never: it is refused'"
complete -c voxsift -l preview -d 'A picture for the service\'s history' -r -F
complete -c voxsift -l api-key-file -d 'Read the API key from this file' -r -F
complete -c voxsift -l base-url -d 'Where the service is [default: https://api.elevenlabs.io]' -r -f
complete -c voxsift -l retries -d 'Send a request that failed again, up to N times' -r -f
complete -c voxsift -l timeout -d 'Wait so long for the reply, and for all retries together' -r -f
complete -c voxsift -l connect-timeout -d 'Wait so long for a connection' -r -f
complete -c voxsift -l stall-timeout -d 'Give up when no byte moves for so long' -r -f
complete -c voxsift -l max-minutes -d 'Refuse to bill more minutes than this' -r -f
complete -c voxsift -l progress -d 'When to draw the progress bar' -r -f -a "auto\t'On a terminal'
always\t'Also where there is no terminal'
never\t'Not even on a terminal'"
complete -c voxsift -l color -d 'When to use colours' -r -f -a "auto\t'On a terminal'
always\t'Also where there is no terminal'
never\t'Not even on a terminal'"
complete -c voxsift -l generate -d 'Print the man page, or the completions for a shell, and do nothing else' -r -f -a "man\t'The man page'
complete-bash\t'Completions for bash'
complete-zsh\t'Completions for zsh'
complete-fish\t'Completions for fish'
complete-powershell\t'Completions for PowerShell'
complete-elvish\t'Completions for elvish'"
complete -c voxsift -s r -l recursive -d 'Look into the directories below directories as well'
complete -c voxsift -s 0 -l null -d 'Names in --files-from end with a zero byte, as `find -print0` writes them'
complete -c voxsift -l raw -d 'Input is headerless 16-bit little-endian samples'
complete -c voxsift -s f -l force -d 'Replace an existing output'
complete -c voxsift -l skip-existing -d 'Do nothing when the output exists already'
complete -c voxsift -l fail-fast -d 'Begin nothing new after a failure'
complete -c voxsift -l resample -d 'Send 16 kHz mono: less, but nothing above 8 kHz'
complete -c voxsift -l stream -d 'Let the service reply while it works'
complete -c voxsift -l retry-lost -d 'Send it again also when the reply was lost after a whole upload: may be billed twice'
complete -c voxsift -l ignore-limits -d 'Send what is too large, too long or too short for the service'
complete -c voxsift -s n -l dry-run -d 'Say what would be done, and do nothing'
complete -c voxsift -l json -d 'Print one JSON object about each input on standard output'
complete -c voxsift -s q -l quiet -d 'Say nothing but errors'
complete -c voxsift -s v -l verbose -d 'Say more'
complete -c voxsift -s h -l help -d 'Print help (see more with \'--help\')'
complete -c voxsift -s V -l version -d 'Print version'
